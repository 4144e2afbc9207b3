import { ERROR_CODES } from '#libs/errors/error-codes.js';
import { ShownCount, ShownList, ShownOneOf, ShownPart, ShownText } from './shown.js';

const CODES = Object.keys(ERROR_CODES);

export class ErrorDetailDto {
  @ShownText({ max: 4096, description: 'Where in the body, query or headers.', example: 'events.3.usedAt' }) path: string;
  @ShownText({ max: 4096, description: 'What is wrong with it.', example: 'is required' }) message: string;
}

export class ErrorDto {
  @ShownOneOf(CODES, { name: 'ErrorCode', description: 'What went wrong, for programs.', example: 'not_found' }) code: string;
  @ShownText({ max: 4096, description: 'What went wrong, for people.', example: 'There is nothing here.' }) message: string;
  @ShownList({ type: () => ErrorDetailDto, maxItems: 10_000, description: 'Each thing that is wrong; empty where there is one only.' })
  details: ErrorDetailDto[];
  @ShownText({ max: 128, description: 'The id of the request, also in the log.', example: '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10' })
  requestId: string;
}

/** The one shape of every failure. */
export class ErrorEnvelopeDto {
  @ShownPart({ type: () => ErrorDto, description: 'The failure.' }) error: ErrorDto;
}

/** The same facts as RFC 9457 problem details. */
export class ProblemDto {
  @ShownText({ max: 64, description: 'Always `about:blank`: the code says what it is.', example: 'about:blank' }) type: string;
  @ShownText({ max: 64, description: 'The name of the status.', example: 'Not Found' }) title: string;
  @ShownCount({ description: 'The status.', min: 400, example: 404 }) status: number;
  @ShownText({ max: 4096, description: 'What went wrong, for people.', example: 'There is nothing here.' }) detail: string;
  @ShownOneOf(CODES, { name: 'ErrorCode', description: 'What went wrong, for programs.', example: 'not_found' }) code: string;
  @ShownList({ type: () => ErrorDetailDto, maxItems: 10_000, description: 'Each thing that is wrong.' }) errors: ErrorDetailDto[];
  @ShownText({ max: 128, description: 'The id of the request, also in the log.', example: '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10' })
  requestId: string;
}
