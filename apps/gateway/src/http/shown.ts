import { applyDecorators, type Type } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';

/*
 * The kinds of members that answers have. They only document: answers are built in PostgreSQL and validated by the tests against the document.
 */

interface ShownOptions {
  description: string;
  example?: unknown;
  nullable?: boolean;
}

const shown = ({ description, example, nullable }: ShownOptions, schema: object): PropertyDecorator =>
  applyDecorators(
    ApiProperty({
      description,
      ...(example === undefined ? {} : { example }),
      ...(nullable ? { nullable } : {}),
      ...schema,
    }),
  );

export const ShownId = (options: ShownOptions): PropertyDecorator => shown(options, { type: String, format: 'uuid', maxLength: 36 });

export const ShownInstant = (options: ShownOptions): PropertyDecorator =>
  shown(options, { type: String, format: 'date-time', maxLength: 24 });

export const ShownText = (options: ShownOptions & { max: number }): PropertyDecorator =>
  shown(options, { type: String, maxLength: options.max, pattern: '^[^\\u0000]*$' });

export const ShownCount = (options: ShownOptions & { min?: number }): PropertyDecorator =>
  shown(options, { type: 'integer', format: 'int32', minimum: options.min ?? 0, maximum: 2_147_483_647 });

/** `name` names the set in the document. */
export const ShownOneOf = (values: readonly string[], options: ShownOptions & { name: string }): PropertyDecorator =>
  shown(options, options.nullable ? { type: String, enum: [...values, null] } : { enum: [...values], enumName: options.name });

export const ShownLabels = (options: ShownOptions & { maxItems: number; max: number }): PropertyDecorator =>
  shown(options, {
    type: 'array',
    maxItems: options.maxItems,
    items: { type: 'string', maxLength: options.max, pattern: '^[^\\u0000]*$' },
  });

export const ShownAttributes = (options: ShownOptions): PropertyDecorator =>
  shown(options, {
    type: 'object',
    maxProperties: 64,
    additionalProperties: { type: 'string', maxLength: 1024, pattern: '^[^\\u0000]*$' },
  });

/** A nested object of a class of its own. */
export const ShownPart = (options: ShownOptions & { type: () => Type }): PropertyDecorator => shown(options, { type: options.type });

export const ShownList = (options: ShownOptions & { type: () => Type; maxItems: number }): PropertyDecorator =>
  shown(options, { type: options.type, isArray: true, maxItems: options.maxItems });
