/** What the gateway holds of one source, as far as the connector looks at it. */
export interface CurrentState {
  principals: CurrentPrincipal[];
  assets: CurrentAsset[];
  /** The active ones only. */
  grants: CurrentGrant[];
  /** Members by group, principals of other sources among them; a group that is not in here has none. */
  members: ReadonlyMap<string, readonly string[]>;
}

export interface CurrentPrincipal {
  id: string;
  externalId: string | null;
  type: 'user' | 'service_account' | 'group';
  displayName: string;
  status: 'active' | 'suspended' | 'deactivated';
  attributes: Readonly<Record<string, string>>;
  version: number;
}

export interface CurrentAsset {
  id: string;
  externalId: string | null;
  type: string;
  name: string;
  parentId: string | null;
  status: 'active' | 'retired';
  version: number;
}

export interface CurrentGrant {
  id: string;
  principalId: string;
  assetId: string;
  permission: string;
  privilege: 'read' | 'write' | 'admin';
}
