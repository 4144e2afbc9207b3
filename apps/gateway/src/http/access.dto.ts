import { Instant } from './fields.js';
import { PageQueryDto } from './page.dto.js';
import { ShownId, ShownText } from './shown.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

export class ListAccessDto extends PageQueryDto {
  @Instant({ optional: true, description: 'The instant to answer for; now where it is left out.', example: '2026-01-31T00:00:00.000Z' })
  asOf?: string;
}

export class PathStepDto {
  @ShownId({ description: 'The group.', example: EXAMPLE_ID }) id: string;
  @ShownText({ max: 256, description: 'Its name.', example: 'Finance' }) displayName: string;
}
