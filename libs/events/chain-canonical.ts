/** What JSON can say. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };

const LONE_SURROGATE = /\p{Cs}/u;

/**
 * The one text that a JSON value has in the JSON Canonicalization Scheme (RFC 8785): members in the order of their names' UTF-16 code units,
 * numbers and strings as ECMAScript writes them, no white space.
 *
 * @throws TypeError for what is not JSON (undefined, NaN, a Date…) and for a lone surrogate: dropped or replaced in silence, two different
 * events would have one hash.
 */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return canonicalNumber(value);
  if (typeof value === 'string') return canonicalString(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isPlainObject(value)) throw new TypeError(`There is no canonical JSON for a value of type ${typeof value}.`);
  // The default order of sort() is that of UTF-16 code units, which is the one that RFC 8785 section 3.2.3 asks for.
  const members = Object.keys(value)
    .sort()
    .map((name) => `${canonicalString(name)}:${canonicalJson(value[name] as JsonValue)}`);
  return `{${members.join(',')}}`;
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('There is no canonical JSON for a number that is not finite.');
  return JSON.stringify(value);
}

function canonicalString(value: string): string {
  if (LONE_SURROGATE.test(value)) throw new TypeError('There is no canonical JSON for a string with a lone surrogate.');
  return JSON.stringify(value);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** A Date, a Map or another class instance has no canonical text, and must not become `{}`. */
function isPlainObject(value: unknown): value is { readonly [name: string]: JsonValue } {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Under jest an object from JSON.parse may come from another realm, whose Object.prototype is not this one.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
