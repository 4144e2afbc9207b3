import { AssetEntity } from './entities/asset.entity.js';
import { GrantEntity } from './entities/grant.entity.js';
import { MembershipEntity } from './entities/membership.entity.js';
import { PrincipalEntity } from './entities/principal.entity.js';

export const ENTITIES = [PrincipalEntity, MembershipEntity, AssetEntity, GrantEntity];
