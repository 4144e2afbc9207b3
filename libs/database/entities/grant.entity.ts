import type { Actor } from '#libs/auth/caller.js';
import { Column, Entity, PrimaryColumn } from 'typeorm';

export const PRIVILEGES = ['read', 'write', 'admin'] as const;
export type Privilege = (typeof PRIVILEGES)[number];
export const GRANT_STATUSES = ['active', 'revoked', 'expired'] as const;
export type GrantStatus = (typeof GRANT_STATUSES)[number];

@Entity('grants')
export class GrantEntity {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid', { name: 'principal_id' }) principalId: string;
  @Column('uuid', { name: 'asset_id' }) assetId: string;
  @Column('text') permission: string;
  @Column('text') privilege: Privilege;
  @Column('text') source: string;
  @Column('text') status: GrantStatus;
  @Column('timestamptz', { name: 'granted_at' }) grantedAt: Date;
  @Column('jsonb', { name: 'granted_by' }) grantedBy: Actor;
  @Column('timestamptz', { name: 'expires_at', nullable: true }) expiresAt: Date | null;
  @Column('text', { nullable: true }) justification: string | null;
  @Column('timestamptz', { name: 'revoked_at', nullable: true }) revokedAt: Date | null;
  @Column('jsonb', { name: 'revoked_by', nullable: true }) revokedBy: Actor | null;
  @Column('text', { name: 'revoke_reason', nullable: true }) revokeReason: string | null;
  @Column('uuid', { name: 'restores_grant_id', nullable: true }) restoresGrantId: string | null;
  @Column('timestamptz', { name: 'created_at' }) createdAt: Date;
  @Column('timestamptz', { name: 'updated_at' }) updatedAt: Date;
  @Column('integer') version: number;
}
