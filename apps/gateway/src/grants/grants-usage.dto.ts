import { MAX_EVENT_ID_LENGTH } from '#libs/scoring/usage-event.js';
import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray } from 'class-validator';
import { Id, Instant, Line, WholeNumber } from '../http/fields.js';
import { ShownCount, ShownList, ShownOneOf, ShownText } from '../http/shown.js';

export const MAX_EVENTS = 1_000;
const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

/** Documents one event. Each is read by `parseUsageEvent`, on its own, so that one that is not valid does not refuse the others. */
export class UsageEventDto {
  @Line({
    max: MAX_EVENT_ID_LENGTH,
    description: 'Your id of the event, unique among yours; the same one again counts once.',
    example: 'a1',
  })
  eventId: string;

  @Id({ optional: true, description: 'The grant that was used; nothing else is named then.', example: EXAMPLE_ID })
  grantId?: string;

  @Id({ optional: true, description: 'Who used access, where the grant is not known.', example: EXAMPLE_ID })
  principalId?: string;

  @Line({ max: 64, optional: true, description: 'The source of `principalExternalId`, instead of `principalId`.', example: 'entra' })
  principalSource?: string;

  @Line({ max: 512, optional: true, description: 'The id of the principal in its source.', example: '7e0c' })
  principalExternalId?: string;

  @Id({ optional: true, description: 'What was used, where the grant is not known.', example: EXAMPLE_ID })
  assetId?: string;

  @Line({ max: 64, optional: true, description: 'The source of `assetExternalId`, instead of `assetId`.', example: 'manual' })
  assetSource?: string;

  @Line({ max: 512, optional: true, description: 'The id of the asset in its source.', example: 'warehouse/finance/ledger' })
  assetExternalId?: string;

  @Line({ max: 128, optional: true, description: 'Which permission was used; any, where it is left out.', example: 'SELECT' })
  permission?: string;

  @Instant({ description: 'When it was used, at most 5 minutes ahead of the clock.', example: '2026-02-03T10:00:00.000Z' })
  usedAt: string;

  @WholeNumber({ min: 1, max: 1_000_000_000, default: 1, optional: true, description: 'How many uses it stands for.', example: 3 })
  count?: number;
}

export class ReportUsageDto {
  @ApiProperty({
    description: 'The events, each accepted or rejected on its own.',
    type: 'array',
    items: { $ref: getSchemaPath(UsageEventDto) },
    minItems: 1,
    maxItems: MAX_EVENTS,
  })
  @IsArray({ message: 'must be an array' })
  @ArrayMinSize(1, { message: 'must have at least 1 item' })
  @ArrayMaxSize(MAX_EVENTS, { message: `must have at most ${MAX_EVENTS} items` })
  events: unknown[];
}

const OUTCOMES = ['accepted', 'rejected'] as const;
export const CREDITS = ['grant', 'every_matching_grant'] as const;

export class UsageOutcomeDto {
  @ShownCount({ description: 'The place of the event in the request, from 0.', example: 0 }) index: number;
  @ShownText({ max: MAX_EVENT_ID_LENGTH, nullable: true, description: 'Its id, where it had one.', example: 'a1' }) eventId: string | null;
  @ShownOneOf(OUTCOMES, { name: 'UsageOutcome', description: 'Whether it was taken.', example: 'accepted' })
  outcome: (typeof OUTCOMES)[number];
  @ShownOneOf(CREDITS, {
    name: 'UsageCredits',
    description: 'Of an accepted event: the grant that it names, or every one that could have allowed it at that time.',
    example: 'grant',
  })
  @ApiProperty({ required: false })
  credits?: (typeof CREDITS)[number];

  @ShownText({ max: 64, description: 'Of a rejected event: why, as a code.', example: 'not_found' })
  @ApiProperty({ required: false })
  code?: string;

  @ShownText({ max: 500, description: 'Of a rejected event: why, in words.', example: 'names a grant that does not exist' })
  @ApiProperty({ required: false })
  message?: string;
}

export class UsageReceiptDto {
  @ShownCount({ description: 'How many events are durable now.', example: 2 }) accepted: number;
  @ShownCount({ description: 'How many were refused.', example: 1 }) rejected: number;
  @ShownList({ type: () => UsageOutcomeDto, maxItems: MAX_EVENTS, description: 'One for each event, in their order.' })
  outcomes: UsageOutcomeDto[];
}
