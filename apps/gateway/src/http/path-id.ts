import { BadRequestError } from '#libs/errors/errors.js';
import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { UUID_PATTERN } from './fields.js';

const UUID = new RegExp(UUID_PATTERN);

/** Documents an id of a path. */
export const IdParam = (name: string, description: string): MethodDecorator =>
  ApiParam({
    name,
    description,
    schema: { type: 'string', format: 'uuid', maxLength: 36 },
    example: '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10',
  });

/** An id of a path: a UUID in either case, lower case from here on. */
@Injectable()
export class UuidPipe implements PipeTransform<string, string> {
  transform(value: string, metadata: ArgumentMetadata): string {
    if (!UUID.test(value)) throw BadRequestError.invalid(metadata.data ?? 'id', 'must be a UUID');
    return value.toLowerCase();
  }
}
