import { BadRequestError, type ErrorDetail } from '#libs/errors/errors.js';
import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, type ValidationError, validateSync } from 'class-validator';

function invalid(details: readonly ErrorDetail[]): BadRequestError {
  return new BadRequestError('validation_failed', undefined, details);
}

function detailsOf(errors: readonly ValidationError[], parent = ''): ErrorDetail[] {
  return errors.flatMap((error) => {
    const path = parent + error.property;
    if (error.children?.length) return detailsOf(error.children, `${path}.`);
    const constraints = error.constraints ?? {};
    if ('whitelistValidation' in constraints) return [{ path, message: 'is not known here' }];
    if (error.value === undefined) return [{ path, message: 'is required' }];
    return [{ path, message: Object.values(constraints)[0] ?? 'is not valid' }];
  });
}

/**
 * Strings that PostgreSQL cannot hold, or that would not come back as they were sent; and members that have a name of every object: the
 * validator takes those for known, and the transformer drops some of them without a word.
 */
function unfitParts(value: unknown, path: string): ErrorDetail[] {
  if (typeof value === 'string') {
    return value.includes('\0') || !value.isWellFormed() ? [{ path, message: 'must be well-formed Unicode without NUL' }] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const place = path === '' ? name : `${path}.${name}`;
    if (!Array.isArray(value) && name in Object.prototype) return [{ path: place, message: 'is not known here' }];
    return [...unfitParts(name, place), ...unfitParts(member, place)];
  });
}

/** Finds what belongs to a key once, whatever else it is asked with: only for what is always the same then. */
function once<Key extends object, Rest extends unknown[], Found>(
  find: (key: Key, ...rest: Rest) => Found,
): (key: Key, ...rest: Rest) => Found {
  const known = new WeakMap<Key, Found>();
  return (key, ...rest) => {
    let found = known.get(key);
    if (found === undefined) known.set(key, (found = find(key, ...rest)));
    return found;
  };
}

// The validator would put the rules of a class together anew at every use, which takes longer than to check them. Our options never change them.
const storage = getMetadataStorage();
storage.getTargetValidationMetadatas = once(storage.getTargetValidationMetadatas.bind(storage));
storage.groupByPropertyName = once(storage.groupByPropertyName.bind(storage));

const RULES = { whitelist: true, forbidNonWhitelisted: true, stopAtFirstError: true, forbidUnknownValues: false };

/**
 * Validates bodies and queries by their DTO: unknown members, repeated parameters and unfit strings are refused, each by its path. Nest's own pipe
 * does what this one does with the same two libraries, but later and in more steps, since its checks may be asynchronous; none of ours is.
 */
@Injectable()
export class RequestValidationPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type === 'custom' || type === 'param') return value;
    const unfit = unfitParts(value, '');
    if (unfit.length > 0) throw invalid(unfit);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid([{ path: '', message: 'must be an object' }]);
    if (type === 'query') {
      const repeated = Object.entries(value).filter(([, parameter]) => Array.isArray(parameter));
      if (repeated.length > 0) throw invalid(repeated.map(([path]) => ({ path, message: 'must be given once' })));
    }
    // Of several shapes: a pipe of the handler's own finds out which.
    if (!metatype || metatype === Object) return value;
    const input = plainToInstance(metatype as Type<object>, value);
    const errors = validateSync(input, RULES);
    if (errors.length > 0) throw invalid(detailsOf(errors));
    return input;
  }
}
