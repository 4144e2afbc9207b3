import { INSTANT_PATTERN, parseInstant } from '#libs/time/instants.js';
import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, ArrayUnique, IsArray, IsIn, IsInt, Max, Min, ValidateBy, ValidateIf } from 'class-validator';

/*
 * The kinds of members that bodies and queries have. Each is one decorator that validates a value and documents it, so that the document and
 * the check can never say different things. Lengths are in code points. None takes NUL or half a surrogate pair: see the validation pipe.
 */

interface FieldOptions {
  description: string;
  example?: unknown;
  /** The member may be left out. */
  optional?: boolean;
  /** The member may be null. */
  nullable?: boolean;
}

/** One line of text, without control characters. */
export const LINE_PATTERN = '^[^\\u0000-\\u001F\\u007F]*$';
/** Text of several lines. */
export const TEXT_PATTERN = '^[^\\u0000]*$';
/** One @ between two parts without blanks: whether an address exists only a message to it can tell. */
export const EMAIL_PATTERN = '^[^@ \\u0000-\\u001F\\u007F]+@[^@ \\u0000-\\u001F\\u007F]+$';
export const UUID_PATTERN = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$';
function skipping({ optional, nullable }: FieldOptions): PropertyDecorator {
  return ValidateIf((_object, value) => !(optional && value === undefined) && !(nullable && value === null));
}

function field(options: FieldOptions, schema: ApiPropertyOptions, ...checks: PropertyDecorator[]): PropertyDecorator {
  const { description, example, optional, nullable } = options;
  const documented = {
    description,
    required: !optional,
    ...(example === undefined ? {} : { example }),
    ...(nullable ? { nullable } : {}),
    ...schema,
  };
  return applyDecorators(ApiProperty(documented as ApiPropertyOptions), skipping(options), ...checks);
}

function check(name: string, message: string, passes: (value: unknown) => boolean): PropertyDecorator {
  return ValidateBy({ name, validator: { validate: passes, defaultMessage: () => message } });
}

/** Whether a text has between `min` and `max` code points and fits the pattern. */
function isText(value: unknown, min: number, max: number, pattern: RegExp): boolean {
  if (typeof value !== 'string' || value.length > 2 * max) return false;
  const length = [...value].length;
  return length >= min && length <= max && pattern.test(value);
}

function text(options: FieldOptions & { max: number; min?: number }, pattern: string, what: string): PropertyDecorator {
  const { min = 1, max } = options;
  const expression = new RegExp(pattern, 'u');
  const message = `must be ${what} of ${min} to ${max} characters`;
  return field(
    options,
    { type: String, minLength: min, maxLength: max, pattern },
    check('text', message, (value) => isText(value, min, max, expression)),
  );
}

/** One line of text. */
export const Line = (options: FieldOptions & { max: number; min?: number }): PropertyDecorator =>
  text(options, LINE_PATTERN, 'one line of text');

/** Text that may have several lines. */
export const Prose = (options: FieldOptions & { max: number; min?: number }): PropertyDecorator => text(options, TEXT_PATTERN, 'text');

export const Email = (options: FieldOptions): PropertyDecorator =>
  text({ ...options, min: 3, max: 254 }, EMAIL_PATTERN, 'an e-mail address');

/** A UUID in either case; lower case from here on. */
export function Id(options: FieldOptions): PropertyDecorator {
  const expression = new RegExp(UUID_PATTERN);
  return applyDecorators(
    field(
      options,
      { type: String, format: 'uuid', maxLength: 36 },
      check('uuid', 'must be a UUID', (value) => typeof value === 'string' && expression.test(value)),
    ),
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.toLowerCase() : value)),
  );
}

/** An RFC 3339 instant; UTC with milliseconds from here on. */
export function Instant(options: FieldOptions): PropertyDecorator {
  return applyDecorators(
    field(
      options,
      { type: String, format: 'date-time', pattern: INSTANT_PATTERN, maxLength: 40 },
      check(
        'instant',
        'must be an RFC 3339 time such as 2026-01-31T09:00:00.000Z',
        (value) => typeof value === 'string' && parseInstant(value) !== null,
      ),
    ),
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? (parseInstant(value) ?? value) : value)),
  );
}

/** One of a few words. `name` names the set in the document. */
export function OneOf(values: readonly string[], options: FieldOptions & { name: string; default?: string }): PropertyDecorator {
  const schema = options.nullable
    ? { type: String, enum: [...values, null] }
    : { enum: [...values], enumName: options.name, ...(options.default === undefined ? {} : { default: options.default }) };
  return field(options, schema, IsIn(values, { message: `must be one of ${values.join(', ')}` }));
}

/** A whole number of the query. */
export function WholeNumber(options: FieldOptions & { min: number; max: number; default?: number }): PropertyDecorator {
  const { min, max } = options;
  const message = `must be a whole number from ${min} to ${max}`;
  const schema = {
    type: 'integer',
    format: max > 2_147_483_647 ? 'int64' : 'int32',
    minimum: min,
    maximum: max,
    ...(options.default === undefined ? {} : { default: options.default }),
  };
  return applyDecorators(
    field(options, schema as ApiPropertyOptions, IsInt({ message }), Min(min, { message }), Max(max, { message })),
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' && /^[0-9]{1,16}$/.test(value) ? Number(value) : value)),
  );
}

/** Distinct short texts. */
export function Labels(options: FieldOptions & { maxItems: number; max: number }): PropertyDecorator {
  const { maxItems, max } = options;
  const expression = new RegExp(LINE_PATTERN, 'u');
  const each = `must each be one line of text of 1 to ${max} characters`;
  return field(
    options,
    {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: max, pattern: LINE_PATTERN },
      maxItems,
      uniqueItems: true,
    },
    IsArray({ message: 'must be an array' }),
    ArrayMaxSize(maxItems, { message: `must have at most ${maxItems} items` }),
    ArrayUnique({ message: 'must not repeat an item' }),
    check('labels', each, (value) => Array.isArray(value) && value.every((item) => isText(item, 1, max, expression))),
  );
}

/** How many names the attributes of one thing have at most. */
export const MAX_ATTRIBUTES = 64;
const ATTRIBUTE_NAME_LENGTH = 128;
const ATTRIBUTE_VALUE_LENGTH = 1024;

/** Strings by string. `removable` takes null as a value too, which takes the attribute away (JSON merge patch, RFC 7396). */
export function Attributes(options: FieldOptions & { removable?: boolean }): PropertyDecorator {
  const { removable = false } = options;
  const name = new RegExp(LINE_PATTERN, 'u');
  const value = new RegExp(TEXT_PATTERN, 'u');
  const isAttributes = (attributes: unknown): boolean =>
    typeof attributes === 'object' &&
    attributes !== null &&
    !Array.isArray(attributes) &&
    Object.keys(attributes).length <= MAX_ATTRIBUTES &&
    Object.entries(attributes).every(
      ([key, entry]) =>
        isText(key, 1, ATTRIBUTE_NAME_LENGTH, name) && ((removable && entry === null) || isText(entry, 0, ATTRIBUTE_VALUE_LENGTH, value)),
    );
  const schema = {
    type: 'object',
    maxProperties: MAX_ATTRIBUTES,
    propertyNames: { type: 'string', minLength: 1, maxLength: ATTRIBUTE_NAME_LENGTH, pattern: LINE_PATTERN },
    additionalProperties: { type: removable ? ['string', 'null'] : 'string', maxLength: ATTRIBUTE_VALUE_LENGTH, pattern: TEXT_PATTERN },
  };
  const message = `must map at most ${MAX_ATTRIBUTES} names of up to ${ATTRIBUTE_NAME_LENGTH} characters to strings of up to ${ATTRIBUTE_VALUE_LENGTH}`;
  return field(options, schema as unknown as ApiPropertyOptions, check('attributes', message, isAttributes));
}

/** `true` or `false` of the query. */
export function Flag(options: FieldOptions & { default: boolean }): PropertyDecorator {
  return applyDecorators(
    field(
      options,
      { type: Boolean, default: options.default },
      check('flag', 'must be true or false', (value) => typeof value === 'boolean'),
    ),
    Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value)),
  );
}
