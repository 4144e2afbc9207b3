/** One statement for the embedded engine, in the terms of ClickHouse's HTTP interface. */
export interface EngineRequest {
  /** With its FORMAT clause, and without data: that goes apart (`ChdbEngine.insert`). */
  readonly sql: string;
  /** Query parameters by name, each in ClickHouse's escaped text form, as `param_…` carries them over HTTP. */
  readonly params?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, string>>;
  /** The database of names that have none; `default` unless given. */
  readonly database?: string;
  /** The format where the statement names none. */
  readonly format?: string;
  /** How long the engine may take before it answers, or before the next part of a stream, in milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Settings that a session cannot take back: whoever reuses it would be refused its own. */
const ONE_WAY = ['readonly', 'allow_ddl'];

/** chdb formats each part of a stream on its own: only where a document is the sum of its lines are the parts together the document. */
const LINES = '(?:JSON(?:Compact)?(?:Strings)?EachRow|TabSeparated(?:Raw)?|TSV|CSV)';
const STREAMABLE = new RegExp(`^\\s*(?:select|with)\\b[^]*\\bFORMAT\\s+${LINES}\\s*$`, 'i');

/** Whether the engine can answer a statement in parts (`ChdbEngine.stream`). */
export function isStreamable(sql: string): boolean {
  return STREAMABLE.test(sql);
}

/** Statements that leave nothing in their session but what was set before them: no temporary table, no USE, no SET of their own. */
export function isReusable(request: EngineRequest): boolean {
  return /^\s*(select|with|insert)\b/i.test(request.sql) && !ONE_WAY.some((name) => request.settings?.[name] !== undefined);
}

/** What a statement sets in its session, without the values. */
export function shapeOf(request: EngineRequest): string {
  return JSON.stringify([request.database, Object.keys(request.settings ?? {}).sort(), Object.keys(request.params ?? {}).sort()]);
}

/** The statements that go before one, so that it finds its database, parameters and settings. */
export function prelude(request: EngineRequest): string {
  const settings = Object.entries(request.settings ?? {}).map(([name, value]) => assignment(name, value));
  const params = Object.entries(request.params ?? {}).map(([name, value]) => assignment(`param_${name}`, value));
  const database = request.database === undefined ? [] : [`USE \`${request.database.replace(/[\\`]/g, '\\$&')}\`; `];
  // Settings last: one such as `readonly` would refuse what comes after it.
  return [...database, ...params, ...settings].join('');
}

function assignment(name: string, value: string): string {
  if (!/^\w+$/.test(name)) throw new Error(`${JSON.stringify(name)} is not the name of a ClickHouse setting or parameter.`);
  return `SET ${name} = '${quote(value)}'; `;
}

/**
 * An INSERT that reads its data from a file. Data must never stand behind the statement: after an empty line in it, the engine takes the
 * rest for further statements and runs them.
 */
export function fromFile(insert: string, file: string): string {
  const parts = /^([^]*?)\s+FORMAT\s+(\w+)\s*$/i.exec(insert);
  if (!parts) throw new Error('The embedded ClickHouse takes data only for INSERT INTO … FORMAT ….');
  return `${parts[1]} FROM INFILE '${quote(file)}' COMPRESSION 'none' FORMAT ${parts[2]}`;
}

function quote(text: string): string {
  return text.replace(/[\\']/g, '\\$&').replaceAll('\0', '\\0');
}
