import { Column, Entity, PrimaryColumn } from 'typeorm';

export const ASSET_TYPES = ['dataset', 'table', 'database', 'bucket', 'application', 'api', 'report', 'host', 'secret', 'other'] as const;
export type AssetType = (typeof ASSET_TYPES)[number];
export const SENSITIVITIES = ['public', 'internal', 'confidential', 'restricted'] as const;
export type Sensitivity = (typeof SENSITIVITIES)[number];
export const ASSET_STATUSES = ['active', 'retired'] as const;
export type AssetStatus = (typeof ASSET_STATUSES)[number];

@Entity('assets')
export class AssetEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('text') type: AssetType;
  @Column('text') name: string;
  @Column('text', { name: 'external_id', nullable: true }) externalId: string | null;
  @Column('text') source: string;
  @Column('text') sensitivity: Sensitivity;
  @Column('uuid', { name: 'owner_id', nullable: true }) ownerId: string | null;
  @Column('uuid', { name: 'parent_id', nullable: true }) parentId: string | null;
  @Column('text', { array: true }) tags: string[];
  @Column('text') status: AssetStatus;
  @Column('timestamptz', { name: 'usage_tracked_since', nullable: true }) usageTrackedSince: Date | null;
  @Column('timestamptz', { name: 'created_at' }) createdAt: Date;
  @Column('timestamptz', { name: 'updated_at' }) updatedAt: Date;
  @Column('integer') version: number;
}
