import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { IsObject, ValidateBy, ValidateIf, ValidateNested } from 'class-validator';
import { UUID_PATTERN } from './fields.js';

/*
 * Members that only bodies have: parts with members of their own, and sets. As in fields, what is checked is what is documented.
 */

interface FieldOptions {
  description: string;
  example?: unknown;
  optional?: boolean;
  nullable?: boolean;
}

type Class = new () => object;

function documented(options: FieldOptions, schema: object): PropertyDecorator {
  const { description, example, optional, nullable } = options;
  const shown = {
    description,
    required: !optional,
    ...(example === undefined ? {} : { example }),
    ...(nullable ? { nullable } : {}),
    ...schema,
  };
  return ApiProperty(shown);
}

function unlessAbsent({ optional, nullable }: FieldOptions): PropertyDecorator {
  return ValidateIf((_object, value) => !(optional && value === undefined) && !(nullable && value === null));
}

function check(name: string, message: string, passes: (value: unknown) => boolean): PropertyDecorator {
  return ValidateBy({ name, validator: { validate: passes, defaultMessage: () => message } });
}

/** An object of a class of its own. */
export function Part(type: () => Class, options: FieldOptions): PropertyDecorator {
  return applyDecorators(
    // Nest knows a class given late by the name of the function.
    documented(options, { type: () => type() }),
    unlessAbsent(options),
    Type(type),
    IsObject({ message: 'must be an object' }),
    ValidateNested(),
  );
}

/** Some objects of one class. */
export function Parts(type: () => Class, options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  const { min, max } = options;
  const isObjects = (value: unknown): boolean =>
    Array.isArray(value) &&
    value.length >= min &&
    value.length <= max &&
    value.every((item) => typeof item === 'object' && item !== null && !Array.isArray(item));
  return applyDecorators(
    documented(options, { type: () => type(), isArray: true, minItems: min, maxItems: max }),
    unlessAbsent(options),
    Type(type),
    check('parts', `must be an array of ${min} to ${max} objects`, isObjects),
    ValidateNested({ each: true }),
  );
}

function set(
  options: FieldOptions & { min?: number; max: number },
  items: object,
  what: string,
  fits: (item: string) => boolean,
): PropertyDecorator {
  const { min = 0, max } = options;
  const isSet = (value: unknown): boolean =>
    Array.isArray(value) &&
    value.length >= min &&
    value.length <= max &&
    value.every((item) => typeof item === 'string' && fits(item)) &&
    new Set(value).size === value.length;
  return applyDecorators(
    documented(options, { type: 'array', items, ...(min > 0 ? { minItems: min } : {}), maxItems: max, uniqueItems: true }),
    unlessAbsent(options),
    check('set', `must be an array of ${min} to ${max} different ${what}`, isSet),
  );
}

/** Different UUIDs in either case; lower case from here on. */
export function Ids(options: FieldOptions & { min?: number; max: number }): PropertyDecorator {
  const expression = new RegExp(UUID_PATTERN);
  return applyDecorators(
    set(options, { type: 'string', format: 'uuid', maxLength: 36 }, 'UUIDs', (item) => expression.test(item)),
    Transform(({ value }: { value: unknown }) =>
      Array.isArray(value) ? value.map((item: unknown) => (typeof item === 'string' ? item.toLowerCase() : item)) : value,
    ),
  );
}

/** Some of a few words, each once. */
export function SomeOf(values: readonly string[], options: FieldOptions): PropertyDecorator {
  return set({ ...options, max: values.length }, { type: 'string', enum: [...values] }, `of ${values.join(', ')}`, (item) =>
    values.includes(item),
  );
}

/** A number of a body, with bounds. */
export function Bounded(options: FieldOptions & { min: number; max: number; whole?: boolean }): PropertyDecorator {
  const { min, max, whole = false } = options;
  const message = `must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`;
  return applyDecorators(
    documented(options, {
      ...(whole ? { type: 'integer', format: 'int32' } : { type: 'number', format: 'double' }),
      minimum: min,
      maximum: max,
    }),
    unlessAbsent(options),
    check('bounded', message, (value) => typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))),
  );
}
