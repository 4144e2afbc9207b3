import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray } from 'class-validator';
import { Line } from '../http/fields.js';
import { ShownCount, ShownId, ShownList, ShownOneOf, ShownText } from '../http/shown.js';
import { CreateGrantDto } from './grants.dto.js';

export const MAX_GRANTS = 1_000;
const OUTCOMES = ['created', 'rejected'] as const;

export class CreateGrantsDto {
  @ApiProperty({
    description: 'The grants, each created or rejected on its own.',
    type: 'array',
    items: { $ref: getSchemaPath(CreateGrantDto) },
    minItems: 1,
    maxItems: MAX_GRANTS,
  })
  @IsArray({ message: 'must be an array' })
  @ArrayMinSize(1, { message: 'must have at least 1 item' })
  @ArrayMaxSize(MAX_GRANTS, { message: `must have at most ${MAX_GRANTS} items` })
  grants: unknown[];
}

export class GrantOutcomeDto {
  @ShownCount({ description: 'The place of the grant in the request, from 0.', example: 0 }) index: number;
  @ShownOneOf(OUTCOMES, { name: 'GrantOutcome', description: 'Whether it was created.', example: 'created' })
  outcome: (typeof OUTCOMES)[number];
  @ShownId({ description: 'Of a created grant: its id.', example: '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10' })
  @ApiProperty({ required: false })
  id?: string;

  @ShownText({ max: 64, description: 'Of a rejected grant: why, as a code.', example: 'duplicate' })
  @ApiProperty({ required: false })
  code?: string;

  @ShownText({ max: 500, description: 'Of a rejected grant: why, in words.', example: 'is granted already' })
  @ApiProperty({ required: false })
  message?: string;
}

export class GrantsReceiptDto {
  @ShownCount({ description: 'How many were created.', example: 2 }) created: number;
  @ShownCount({ description: 'How many were rejected.', example: 1 }) rejected: number;
  @ShownList({ type: () => GrantOutcomeDto, maxItems: MAX_GRANTS, description: 'One for each grant, in their order.' })
  outcomes: GrantOutcomeDto[];
}

export class ExportGrantsDto {
  @Line({ max: 64, description: 'Of which source.', example: 'warehouse' })
  source: string;
}
