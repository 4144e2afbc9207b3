import { ApiProperty } from '@nestjs/swagger';
import { EVENT_TYPES } from '#libs/events/event.js';
import { Instant, Line, OneOf, WholeNumber } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownCount, ShownId, ShownInstant, ShownOneOf, ShownPart, ShownText } from '../http/shown.js';
import { ActorDto } from '../http/actor.dto.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const EXAMPLE_HASH = '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9';
const OUTCOMES = ['success', 'denied', 'failed'] as const;
const MAX_SEQUENCE = Number.MAX_SAFE_INTEGER;

export class ListAuditDto extends PageQueryDto {
  @Instant({ optional: true, description: 'Only events at or after this time.', example: '2026-01-01T00:00:00.000Z' })
  from?: string;

  @Instant({ optional: true, description: 'Only events before this time.', example: '2026-02-01T00:00:00.000Z' })
  to?: string;

  @Line({ max: 512, optional: true, description: 'Only by this actor.', example: 'dev' })
  actorId?: string;

  @OneOf(EVENT_TYPES, { name: 'EventType', optional: true, description: 'Only of this kind.', example: 'grant.revoked' })
  action?: string;

  @Line({ max: 64, optional: true, description: 'Only about this kind of resource.', example: 'grant' })
  resourceType?: string;

  @Line({ max: 512, optional: true, description: 'Only about this resource.', example: EXAMPLE_ID })
  resourceId?: string;

  @OneOf(OUTCOMES, { name: 'Outcome', optional: true, description: 'Only with this outcome.', example: 'success' })
  outcome?: string;

  @Line({ max: 128, optional: true, description: 'Only of this request.', example: EXAMPLE_ID })
  requestId?: string;
}

export class VerifyAuditDto {
  @WholeNumber({
    min: 1,
    max: MAX_SEQUENCE,
    optional: true,
    description: 'The first event to verify; the first there is where it is left out.',
    example: 1,
  })
  from?: number;

  @WholeNumber({
    min: 1,
    max: MAX_SEQUENCE,
    optional: true,
    description: 'The last event to verify; what the log is not yet complete to is left out.',
    example: 4711,
  })
  to?: number;
}

const shownHash = (description: string): PropertyDecorator =>
  ApiProperty({ description, type: String, minLength: 64, maxLength: 64, pattern: '^[0-9a-f]{64}$', example: EXAMPLE_HASH });

const shownSequence = (description: string, example: number): PropertyDecorator =>
  ApiProperty({ description, type: 'integer', format: 'int64', minimum: 0, maximum: MAX_SEQUENCE, example });

const shownFields = (description: string, example: object): PropertyDecorator =>
  ApiProperty({ description, type: 'object', nullable: true, additionalProperties: true, maxProperties: 64, example });

export class AuditResourceDto {
  @ShownText({ max: 64, description: 'What kind of thing it is.', example: 'grant' }) type: string;
  @ShownText({ max: 512, description: 'Its id.', example: EXAMPLE_ID }) id: string;
}

export class AuditDisplayDto {
  @ShownText({ max: 256, nullable: true, description: 'The name of the actor now.', example: null }) actorName: string | null;
  @ShownText({ max: 1024, nullable: true, description: 'The name of the resource now.', example: 'finance.ledger' }) resourceName:
    string | null;
}

export class AuditItemDto {
  @ShownId({ description: 'Its id, a UUIDv7.', example: EXAMPLE_ID }) id: string;
  @shownSequence('Its place in the chain, without a gap from 1 on.', 4711) sequence: number;
  @ShownInstant({ description: 'When it happened.', example: '2026-01-31T09:00:00.000Z' }) time: string;
  @ShownText({ max: 64, description: 'What happened.', example: 'grant.revoked' }) action: string;
  @ShownOneOf(OUTCOMES, { name: 'Outcome', description: 'Whether it was done, refused, or tried in vain.', example: 'success' })
  outcome: string;
  @ShownPart({ type: () => ActorDto, description: 'Who did it.' }) actor: ActorDto;
  @ShownPart({ type: () => AuditResourceDto, description: 'What it was done to.' }) resource: AuditResourceDto;
  @shownFields('The changed fields before; personal ones and names as digests.', { status: 'active' }) before: object | null;
  @shownFields('The changed fields after; personal ones and names as digests.', { status: 'revoked' }) after: object | null;
  @ShownText({ max: 2000, nullable: true, description: 'Why.', example: 'Left the team' }) reason: string | null;
  @ShownText({ max: 128, nullable: true, description: 'The request that did it.', example: EXAMPLE_ID }) requestId: string | null;
  @ShownText({ max: 32, nullable: true, description: 'The W3C trace that it is part of.', example: '4bf92f3577b34da6a3ce929d0e0e4736' })
  traceId: string | null;
  @ShownText({ max: 64, nullable: true, description: 'Where the request came from.', example: '127.0.0.1' }) clientIp: string | null;
  @shownHash('The hash of the event before.') prevHash: string;
  @shownHash('SHA-256 of `prevHash` and the canonical form (RFC 8785) of the item without `hash`, `prevHash` and `display`.') hash: string;
  @ShownPart({ type: () => AuditDisplayDto, description: 'Names as they are now; not part of the hash.' }) display: AuditDisplayDto;
}

export const AuditPageDto = pageOf(AuditItemDto, 'AuditPage');

export class CheckpointDto {
  @shownSequence('Every event up to this one is as the hash says.', 4000) sequence: number;
  @shownHash('The hash of that event.') hash: string;
  @ShownInstant({ description: 'When it was signed.', example: '2026-01-31T09:00:00.000Z' }) time: string;
  @ShownText({ max: 64, description: 'Which key signed it.', example: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k' }) keyId: string;
  @ShownText({ max: 128, description: 'Ed25519 over `<sequence>.<hash>.<time>`, base64url.', example: 'c2lnbmF0dXJl' }) signature: string;
}

export const CheckpointPageDto = pageOf(CheckpointDto, 'CheckpointPage');

export class AuditKeyDto {
  @ShownOneOf(['OKP'], { name: 'KeyType', description: 'RFC 8037.', example: 'OKP' }) kty: string;
  @ShownOneOf(['Ed25519'], { name: 'KeyCurve', description: 'RFC 8037.', example: 'Ed25519' }) crv: string;
  @ShownText({ max: 64, description: 'The public key, base64url.', example: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }) x: string;
  @ShownText({ max: 64, description: 'Its RFC 7638 thumbprint.', example: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k' }) kid: string;
  @ShownOneOf(['sig'], { name: 'KeyUse', description: 'RFC 7517.', example: 'sig' }) use: string;
  @ShownOneOf(['EdDSA'], { name: 'KeyAlgorithm', description: 'RFC 8037.', example: 'EdDSA' }) alg: string;
}

export class AuditKeysDto {
  @ApiProperty({ description: 'Every key that checkpoints were ever signed with.', type: () => AuditKeyDto, isArray: true, maxItems: 1000 })
  keys: AuditKeyDto[];
}

export class ChainBreakDto {
  @shownSequence('Where it breaks first.', 17) sequence: number;
  @ShownOneOf(['missing', 'altered', 'reordered', 'checkpoint_mismatch'], { name: 'BreakKind', description: 'How.', example: 'altered' })
  kind: string;
}

export class ChainHeadDto {
  @shownSequence('The last event that was verified.', 4711) sequence: number;
  @shownHash('Its hash.') hash: string;
}

export class VerificationDto {
  @shownSequence('The first event of the range.', 1) from: number;
  @shownSequence('The last event of the range.', 4711) to: number;
  @shownSequence('How many events were found to be as they were written.', 4711) events: number;
  @ApiProperty({ description: 'Whether nothing is missing, altered or out of place.', type: Boolean, example: true }) intact: boolean;
  @ApiProperty({ description: 'Where it breaks first.', type: () => ChainBreakDto, nullable: true }) firstBreak: ChainBreakDto | null;
  @ShownCount({ description: 'How many signatures of the range were verified.', example: 4 }) checkpointsVerified: number;
  @ApiProperty({
    description: 'The last event of the range that was verified; null where there is none.',
    type: () => ChainHeadDto,
    nullable: true,
  })
  head: ChainHeadDto | null;
}
