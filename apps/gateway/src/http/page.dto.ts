import { DEFAULT_LIMIT, MAX_LIMIT } from '#libs/pagination/page.js';
import type { Type } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ValidateIf } from 'class-validator';
import { WholeNumber } from './fields.js';

/** What every list takes. A DTO of a list extends it with its filters. */
export class PageQueryDto {
  // Its form is not checked here: whatever is not a cursor of this list is `invalid_cursor`.
  @ApiProperty({
    description: 'The `nextCursor` of the page before, of the same list with the same filters and sort.',
    required: false,
    type: String,
    maxLength: 4096,
    pattern: '^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]{22}$',
  })
  @ValidateIf(() => false)
  cursor?: string;

  @WholeNumber({ min: 1, max: MAX_LIMIT, default: DEFAULT_LIMIT, optional: true, description: 'How many items at most.', example: 50 })
  limit: number = DEFAULT_LIMIT;
}

/** The class that documents a page of such items. */
export function pageOf(item: Type, name: string): Type {
  class PageDto {
    @ApiProperty({ description: 'The items of this page.', type: item, isArray: true, maxItems: MAX_LIMIT }) items: unknown[];
    @ApiProperty({
      description: 'The cursor of the next page; null on the last.',
      type: String,
      nullable: true,
      maxLength: 4096,
      pattern: '^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]{22}$',
    })
    nextCursor: string | null;
  }
  Object.defineProperty(PageDto, 'name', { value: name });
  return PageDto;
}
