import type { Department } from './company-words.js';
import type { AssetType, Privilege, Sensitivity } from './demo-assets.js';

const DAY_MS = 86_400_000;

/** Things name each other by `key`, which is theirs alone; ids are known only when the API has made them. */
export interface DemoPrincipal {
  key: string;
  department: Department;
  title: string | null;
  body: {
    type: 'user' | 'service_account' | 'group';
    displayName: string;
    email: string | null;
    externalId: string;
    source: 'entra';
    department: Department;
    attributes: Record<string, string>;
  };
  managerKey: string | null;
  ownerKey: string | null;
  /** What becomes of it once everything else stands. */
  endsAs: 'suspended' | 'deactivated' | null;
}

export interface DemoMembership {
  groupKey: string;
  memberKey: string;
}

export interface DemoAsset {
  key: string;
  department: Department;
  body: {
    type: AssetType;
    name: string;
    externalId: string;
    source: 'manual';
    sensitivity: Sensitivity;
    tags: readonly string[];
    usageTrackedSince: string | null;
  };
  ownerKey: string;
  parentKey: string | null;
}

export interface DemoGrant {
  key: string;
  principalKey: string;
  assetKey: string;
  body: { permission: string; privilege: Privilege; grantedAt: string; expiresAt: string | null; justification: string | null };
  /** Revoked with this reason after it was granted; null leaves it in force. */
  revokeReason: string | null;
}

export interface DemoUse {
  grantKey: string;
  usedAt: string;
}

/** What is loaded, in this order. What later parts of the API want shown (campaigns, reports) becomes a member here. */
export interface DemoCompany {
  principals: readonly DemoPrincipal[];
  memberships: readonly DemoMembership[];
  assets: readonly DemoAsset[];
  grants: readonly DemoGrant[];
  usage: readonly DemoUse[];
}

export const groupKey = (name: string): string => `group ${name}`;
export const assetKey = (name: string): string => `asset ${name}`;

export function inDepartment<T extends { department: Department }>(things: readonly T[], department: Department): T[] {
  return things.filter((thing) => thing.department === department);
}

/** A negative number of days lies after the instant. */
export function daysBefore(instant: Date, days: number): string {
  return new Date(instant.getTime() - days * DAY_MS).toISOString();
}
