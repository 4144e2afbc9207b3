import { Column, Entity, PrimaryColumn } from 'typeorm';

export const PRINCIPAL_TYPES = ['user', 'service_account', 'group'] as const;
export type PrincipalType = (typeof PRINCIPAL_TYPES)[number];
export const PRINCIPAL_STATUSES = ['active', 'suspended', 'deactivated'] as const;
export type PrincipalStatus = (typeof PRINCIPAL_STATUSES)[number];

@Entity('principals')
export class PrincipalEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('text') type: PrincipalType;
  @Column('text', { name: 'display_name' }) displayName: string;
  @Column('text', { nullable: true }) email: string | null;
  @Column('text', { name: 'external_id', nullable: true }) externalId: string | null;
  @Column('text') source: string;
  @Column('text') status: PrincipalStatus;
  @Column('text', { nullable: true }) department: string | null;
  @Column('uuid', { name: 'manager_id', nullable: true }) managerId: string | null;
  @Column('uuid', { name: 'owner_id', nullable: true }) ownerId: string | null;
  @Column('jsonb') attributes: Record<string, string>;
  @Column('timestamptz', { name: 'created_at' }) createdAt: Date;
  @Column('timestamptz', { name: 'updated_at' }) updatedAt: Date;
  @Column('integer') version: number;
}
