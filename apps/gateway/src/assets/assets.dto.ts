import {
  ASSET_STATUSES,
  ASSET_TYPES,
  type AssetStatus,
  type AssetType,
  SENSITIVITIES,
  type Sensitivity,
} from '#libs/database/entities/asset.entity.js';
import { OmitType, PartialType } from '@nestjs/swagger';
import { Id, Instant, Labels, Line, OneOf } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownCount, ShownId, ShownInstant, ShownLabels, ShownOneOf, ShownText } from '../http/shown.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

export class CreateAssetDto {
  @OneOf(ASSET_TYPES, { name: 'AssetType', description: 'What kind of asset it is; it never changes.', example: 'table' })
  type: AssetType;

  @Line({ max: 512, description: 'The name that people know it by.', example: 'finance.ledger' })
  name: string;

  @Line({
    max: 512,
    optional: true,
    nullable: true,
    description: 'Its id in its source; unique within the source.',
    example: 'warehouse/finance/ledger',
  })
  externalId?: string | null;

  @Line({
    max: 64,
    optional: true,
    description: 'The system that it is in; it never changes, and the source of its grants is the same.',
    example: 'manual',
  })
  source: string = 'manual';

  @OneOf(SENSITIVITIES, {
    name: 'Sensitivity',
    optional: true,
    default: 'internal',
    description: 'How much harm access to it can do.',
    example: 'restricted',
  })
  sensitivity: Sensitivity = 'internal';

  @Id({ optional: true, nullable: true, description: 'The principal that answers for it.', example: EXAMPLE_ID })
  ownerId?: string | null;

  @Id({ optional: true, nullable: true, description: 'The asset that it is part of. For finding: it confers no access.', example: null })
  parentId?: string | null;

  @Labels({ optional: true, maxItems: 64, max: 128, description: 'Words to find it by.', example: ['sox'] })
  tags?: string[];

  @Instant({
    optional: true,
    nullable: true,
    description: 'Since when its use is observed; null where it is not, and then nothing is said of its decay.',
    example: '2025-01-01T00:00:00.000Z',
  })
  usageTrackedSince?: string | null;
}

export class UpdateAssetDto extends PartialType(OmitType(CreateAssetDto, ['type', 'source', 'sensitivity', 'tags'] as const), {
  skipNullProperties: false,
}) {
  @OneOf(SENSITIVITIES, { name: 'Sensitivity', optional: true, description: 'How much harm access to it can do.', example: 'restricted' })
  sensitivity?: Sensitivity;

  @Labels({
    optional: true,
    nullable: true,
    maxItems: 64,
    max: 128,
    description: 'Words to find it by, in the place of those it has.',
    example: ['sox'],
  })
  tags?: string[] | null;

  @OneOf(ASSET_STATUSES, { name: 'AssetStatus', optional: true, description: 'Whether it is still there.', example: 'active' })
  status?: AssetStatus;
}

export class ListAssetsDto extends PageQueryDto {
  @OneOf(ASSET_TYPES, { name: 'AssetType', optional: true, description: 'Only of this kind.', example: 'table' })
  type?: AssetType;

  @Line({ max: 64, optional: true, description: 'Only of this source.', example: 'manual' })
  source?: string;

  @Line({ max: 512, optional: true, description: 'Only with this id in its source.', example: 'warehouse/finance/ledger' })
  externalId?: string;

  @OneOf(SENSITIVITIES, { name: 'Sensitivity', optional: true, description: 'Only of this sensitivity.', example: 'restricted' })
  sensitivity?: Sensitivity;

  @Id({ optional: true, description: 'Only with this owner.', example: EXAMPLE_ID })
  ownerId?: string;

  @Id({ optional: true, description: 'Only directly inside this asset.', example: EXAMPLE_ID })
  parentId?: string;

  @Line({ max: 128, optional: true, description: 'Only with this tag.', example: 'sox' })
  tag?: string;

  @OneOf(ASSET_STATUSES, { name: 'AssetStatus', optional: true, description: 'Only with this status.', example: 'active' })
  status?: AssetStatus;

  @Line({ max: 256, optional: true, description: 'Only whose name begins with this, in any case.', example: 'fin' })
  q?: string;
}

export class AssetDto {
  @ShownId({ description: 'Its id, a UUIDv7.', example: EXAMPLE_ID }) id: string;
  @ShownOneOf(ASSET_TYPES, { name: 'AssetType', description: 'What kind of asset it is.', example: 'table' }) type: AssetType;
  @ShownText({ max: 512, description: 'The name that people know it by.', example: 'finance.ledger' }) name: string;
  @ShownText({ max: 512, nullable: true, description: 'Its id in its source.', example: 'warehouse/finance/ledger' }) externalId:
    string | null;
  @ShownText({ max: 64, description: 'The system that it is in.', example: 'manual' }) source: string;
  @ShownOneOf(SENSITIVITIES, { name: 'Sensitivity', description: 'How much harm access to it can do.', example: 'restricted' })
  sensitivity: Sensitivity;
  @ShownId({ nullable: true, description: 'The principal that answers for it.', example: EXAMPLE_ID }) ownerId: string | null;
  @ShownId({ nullable: true, description: 'The asset that it is part of.', example: null }) parentId: string | null;
  @ShownLabels({ maxItems: 64, max: 128, description: 'Words to find it by.', example: ['sox'] }) tags: string[];
  @ShownOneOf(ASSET_STATUSES, { name: 'AssetStatus', description: 'Whether it is still there.', example: 'active' }) status: AssetStatus;
  @ShownInstant({ nullable: true, description: 'Since when its use is observed.', example: '2025-01-01T00:00:00.000Z' })
  usageTrackedSince: string | null;
  @ShownInstant({ description: 'When it was recorded.', example: '2026-01-31T09:00:00.000Z' }) createdAt: string;
  @ShownInstant({ description: 'When it last changed.', example: '2026-01-31T09:00:00.000Z' }) updatedAt: string;
  @ShownCount({ min: 1, description: 'Counts its changes; also the `ETag`.', example: 1 }) version: number;
}

export const AssetPageDto = pageOf(AssetDto, 'AssetPage');
