import { AppError } from '#libs/errors/errors.js';
import type { FileContent } from '#libs/report-storage/file-content.js';
import type { ByteRange } from '#libs/report-storage/report-storage.js';
import { Logger } from '@nestjs/common';
import contentDisposition from 'content-disposition';
import type { Request, Response } from 'express';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { requestedRange } from './byte-range.js';
import { entityTags } from './current-caller.js';

const logger = new Logger('Downloads');

/**
 * Sends a file, or the part of it that `Range` asks for, as fast as the client takes it; who hangs up lets go of it. Its ETag is its SHA-256, so
 * that parts are never put together out of two files. Nothing is opened for HEAD, for 304 and for 416.
 *
 * @throws AppError `range_not_satisfiable`
 */
export async function sendFile(response: Response, { file, open }: FileContent): Promise<void> {
  const request = response.req;
  const tag = `"${file.sha256}"`;
  const range =
    request.method === 'GET' && isSameFile(request, tag, file.modifiedAt) ? requestedRange(request.headers.range, file.bytes) : undefined;
  if (range === null) {
    response.setHeader('Content-Range', `bytes */${file.bytes}`);
    throw new AppError('range_not_satisfiable');
  }
  const isKnown = hasTag(request, tag);
  const content = isKnown || request.method === 'HEAD' ? null : await open(range);
  response.setHeader('ETag', tag);
  response.setHeader('Last-Modified', file.modifiedAt.toUTCString());
  // Evidence is nobody else's, and stays in no cache that is not asked again.
  response.setHeader('Cache-Control', 'private, no-cache');
  if (isKnown) {
    response.status(304).end();
    return;
  }
  describeFile(response, file, range);
  if (content) await send(response, content, range ? range.end - range.start + 1 : file.bytes);
  else response.end();
}

function describeFile(response: Response, file: FileContent['file'], range: ByteRange | undefined): void {
  const digest = Buffer.from(file.sha256, 'hex').toString('base64');
  response.status(range ? 206 : 200);
  response.setHeader('Content-Type', file.contentType);
  response.setHeader('Content-Disposition', contentDisposition(file.name));
  response.setHeader('Content-Length', range ? range.end - range.start + 1 : file.bytes);
  response.setHeader('Accept-Ranges', 'bytes');
  // Both are of the whole file, also with a part of it (RFC 3230, and RFC 9530, which took its place).
  response.setHeader('Digest', `SHA-256=${digest}`);
  response.setHeader('Repr-Digest', `sha-256=:${digest}:`);
  if (range) response.setHeader('Content-Range', `bytes ${range.start}-${range.end}/${file.bytes}`);
}

async function send(response: Response, content: Readable, bytes: number): Promise<void> {
  const file = new Promised(bytes);
  try {
    await pipeline(content, (source: AsyncIterable<Uint8Array>) => file.butTheLast(source), response, { end: false });
    // With the last bytes: a client has all that it was promised once it has these, and may be gone before an end that comes later.
    response.end(file.last);
  } catch (error) {
    // The head is sent: a cut connection is the only sign left, and the client's own hanging up is no trouble of ours.
    response.destroy();
    if ((error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    logger.error({ msg: 'A download broke off', reason: (error as Error).message });
  }
}

/** A source that holds as many bytes as were promised, or fails: the client would wait for the rest, or take the next answer for it. */
class Promised {
  last: Uint8Array = new Uint8Array();

  constructor(private left: number) {}

  async *butTheLast(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      if (this.last.length > 0) yield this.last;
      this.last = chunk;
      this.left -= chunk.length;
      if (this.left < 0) throw new Error('The file is longer than it was.');
    }
    if (this.left > 0) throw new Error('The file is shorter than it was.');
  }
}

/** Whether the file is still the one that a part is wanted of; without `If-Range`, whichever it is. */
function isSameFile({ headers }: Request, tag: string, modifiedAt: Date): boolean {
  const wanted = headers['if-range'];
  return wanted === undefined || wanted === tag || wanted === modifiedAt.toUTCString();
}

function hasTag({ headers }: Request, tag: string): boolean {
  const header = headers['if-none-match'];
  if (header === undefined) return false;
  const tags = entityTags('If-None-Match', header);
  return tags === null || tags.some((known) => known.replace(/^W\//, '') === tag);
}
