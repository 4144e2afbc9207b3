import type { ErrorCode } from '#libs/errors/error-codes.js';
import type { Role } from '#libs/auth/roles.js';
import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiResponse } from '@nestjs/swagger';
import { EVERY_ANSWER, Operation } from './operation.js';

interface FileOperation {
  id: string;
  summary: string;
  description: string;
  roles: readonly Role[];
  /** What the file may be. */
  contentTypes: readonly string[];
  errors: readonly ErrorCode[];
}

const text = (description: string, pattern: string): object => ({ description, schema: { type: 'string', maxLength: 1024, pattern } });

const HEADERS = {
  ...EVERY_ANSWER,
  'Content-Disposition': text('The name to save it under.', '^attachment; [ -~]*$'),
  'Content-Length': {
    description: 'How many bytes follow.',
    schema: { type: 'integer', format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  },
  'Accept-Ranges': text('Parts can be asked for.', '^bytes$'),
  ETag: text('The SHA-256 of the whole file, in hex.', '^"[0-9a-f]{64}"$'),
  'Repr-Digest': text('The SHA-256 of the whole file (RFC 9530).', '^sha-256=:[A-Za-z0-9+/=]{44}:$'),
  Digest: text('The same, as older clients know it (RFC 3230).', '^SHA-256=[A-Za-z0-9+/=]{44}$'),
};
const CONTENT_RANGE = { 'Content-Range': text('Which bytes these are, and of how many.', '^bytes [0-9*]+(-[0-9]+)?/[0-9]+$') };

/** An operation that answers with a file, or a part of it. */
export function FileOperation({ contentTypes, errors, ...operation }: FileOperation): MethodDecorator {
  // No schema: bytes are what their media type says (OpenAPI 3.1, 4.8.14.2).
  const content = Object.fromEntries(contentTypes.map((type) => [type.replace(/;.*/, ''), { schema: {} }]));
  return applyDecorators(
    Operation({ ...operation, answer: { content, description: 'The whole file.' }, errors: ['range_not_satisfiable', ...errors] }),
    ApiResponse({ status: 200, headers: HEADERS }),
    ApiResponse({ status: 206, description: 'The part that was asked for.', headers: { ...HEADERS, ...CONTENT_RANGE }, content }),
    ApiResponse({
      status: 304,
      description: 'The file is still the one in `If-None-Match`.',
      headers: { ...EVERY_ANSWER, ETag: HEADERS.ETag },
    }),
    ApiHeader({
      name: 'Range',
      required: false,
      description: 'One range of bytes (RFC 9110); anything else is answered with the whole file.',
      schema: { type: 'string', maxLength: 200, pattern: '^[ -~]*$' },
      example: 'bytes=0-1023',
    }),
    ApiHeader({
      name: 'If-Range',
      required: false,
      description: 'The ETag of the file that `Range` is of; another one is sent whole.',
      schema: { type: 'string', maxLength: 200, pattern: '^[ -~]*$' },
      example: '"5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"',
    }),
  );
}
