import { gzipSync } from 'node:zlib';
import type supertest from 'supertest';
import type { Test } from 'supertest';

export const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
/** The longest body of an ordinary route, in bytes. */
export const LIMIT = 100 * 1024;

type Http = ReturnType<typeof supertest>;
/** A request that is refused, and how. */
export interface Refusal {
  what: string;
  status: number;
  code: string;
  send: (http: Http) => Test;
}

/** Sends text or bytes as they are to a route that takes a body. */
export const json = (http: Http, text: string | Buffer, type = 'application/json', headers: Record<string, string> = {}): Test =>
  http
    .post('/v1/principals')
    .set({ ...headers, 'Content-Type': type })
    .serialize((sent) => sent as unknown as string)
    .send(text as string);

export const person = JSON.stringify({ type: 'user', displayName: 'Ann' });
/** A good body of so many bytes. */
export const padded = (bytes: number): string => person + ' '.repeat(bytes - person.length);
export const nested = (depth: number): string =>
  `{"type":"user","displayName":"Ann","attributes":${'['.repeat(depth)}${']'.repeat(depth)}}`;

const MALFORMED = [
  '{',
  '{"type":"user",}',
  "{'type':'user'}",
  'nul',
  '7',
  '"text"',
  'true',
  ' ',
  '{}{}',
  '{"type":"user"} x',
  '{"a":\u0001}',
];
const NOT_UTF8 = [
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0xaf]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf5, 0x80, 0x80, 0x80]),
  Buffer.from([0xe2, 0x82]),
];
const OTHER_TYPES = [
  ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'application/xml', 'json'],
  ...[
    'application/json; charset=latin1',
    'application/json; charset=utf-16le',
    'application/json;charset=utf-32',
    'application/json; charset=utf-7',
  ],
];

/** Every refusal that comes from the request alone, in whatever part of the gateway. */
export const REFUSALS: Refusal[] = [
  ...[
    '/',
    '/v1',
    '/v2/principals',
    '/principals',
    '/v1/principal',
    `/v1/grants/${NOBODY}/approve`,
    '/v1/grants/%00/x',
    '//v1/principals',
    '/v1/../etc',
  ].map((path): Refusal => ({ what: `an unknown route, ${path}`, status: 404, code: 'not_found', send: (http) => http.get(path) })),
  {
    what: 'a method that the route does not take',
    status: 405,
    code: 'method_not_allowed',
    send: (http) => http.put('/v1/grants').send({}),
  },
  ...MALFORMED.map((text): Refusal => ({
    what: `malformed JSON, ${text}`,
    status: 400,
    code: 'malformed_json',
    send: (http) => json(http, text),
  })),
  ...NOT_UTF8.map((bytes): Refusal => ({
    what: `bytes that are no UTF-8, ${bytes.toString('hex')}`,
    status: 400,
    code: 'malformed_json',
    send: (http) => json(http, Buffer.concat([Buffer.from('{"type":"user","displayName":"'), bytes, Buffer.from('"}')])),
  })),
  ...OTHER_TYPES.map((type): Refusal => ({
    what: `another media type, ${type}`,
    status: 415,
    code: 'unsupported_media_type',
    send: (http) => json(http, person, type),
  })),
  {
    what: 'a content coding that is none',
    status: 415,
    code: 'unsupported_media_type',
    send: (http) => json(http, person, undefined, { 'Content-Encoding': 'rot13' }),
  },
  {
    what: 'gzip that is none',
    status: 400,
    code: 'malformed_json',
    send: (http) => json(http, person, undefined, { 'Content-Encoding': 'gzip' }),
  },
  { what: 'a body of one byte too many', status: 413, code: 'payload_too_large', send: (http) => json(http, padded(LIMIT + 1)) },
  {
    what: 'a small body that unpacks to a large one',
    status: 413,
    code: 'payload_too_large',
    send: (http) => json(http, gzipSync(padded(50_000_000)), undefined, { 'Content-Encoding': 'gzip' }),
  },
  { what: 'a body that is a list', status: 400, code: 'validation_failed', send: (http) => json(http, '[]') },
  { what: 'a body nested 40,000 deep', status: 400, code: 'validation_failed', send: (http) => json(http, nested(40_000)) },
  { what: 'no body where one is needed', status: 400, code: 'validation_failed', send: (http) => http.post('/v1/principals') },
  { what: 'a UUID that is none', status: 400, code: 'validation_failed', send: (http) => http.get('/v1/grants/0192f0c1') },
  { what: 'an id with NUL in it', status: 400, code: 'validation_failed', send: (http) => http.get('/v1/grants/%00') },
  { what: 'a path that is no UTF-8', status: 400, code: 'malformed_request', send: (http) => http.get('/v1/grants/%ff') },
  { what: 'a path with half an escape', status: 400, code: 'malformed_request', send: (http) => http.get('/v1/grants/%e') },
  { what: 'a query that is no UTF-8', status: 400, code: 'malformed_request', send: (http) => http.get('/v1/principals?q=%ff') },
  { what: 'a query with half an escape', status: 400, code: 'malformed_request', send: (http) => http.get('/v1/principals?q=100%') },
  { what: 'a resource that does not exist', status: 404, code: 'not_found', send: (http) => http.get(`/v1/assets/${NOBODY}`) },
  {
    what: 'a forged cursor',
    status: 400,
    code: 'invalid_cursor',
    send: (http) => http.get('/v1/assets?cursor=e30.AAAAAAAAAAAAAAAAAAAAAA'),
  },
  {
    what: 'a thing that does not exist in a body',
    status: 400,
    code: 'business_rule',
    send: (http) => http.post('/v1/assets').send({ type: 'table', name: 't', ownerId: NOBODY }),
  },
];
