import { headerValues } from '#libs/auth/header-values.js';
import { ERROR_CODES, type ErrorCode } from '#libs/errors/error-codes.js';
import { envelope } from '#libs/errors/envelope.js';
import { BadRequestError } from '#libs/errors/errors.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { RequestHandler } from 'express';
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

function codeOf(error: NodeJS.ErrnoException): ErrorCode {
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout';
  return 'malformed_request';
}

/** What cannot be read as HTTP never becomes a request; it is answered here, in the same envelope, and its connection is closed. */
export function answerBrokenRequests(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const code = codeOf(error);
    const { status, message } = ERROR_CODES[code];
    const requestId = uuidv7();
    const body = JSON.stringify(envelope({ status, code, message, details: [] }, requestId));
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${requestId}`,
      'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  });
  // An expectation that Node does not know may be ignored (RFC 9110, section 10.1.1); Node's own refusal would have no body.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => server.emit('request', request, response));
}

/** 400 for HTTP/1.1 without exactly one Host (RFC 9112, section 3.2). */
export function requireOneHost(): RequestHandler {
  return (request, _response, next) => {
    const hosts = headerValues(request.rawHeaders, 'host').length;
    next(hosts === 1 || (hosts === 0 && request.httpVersion === '1.0') ? undefined : new BadRequestError('malformed_request'));
  };
}
