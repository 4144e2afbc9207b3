import { assertWritable, type Caller, readableSources, writableSources } from '#libs/auth/request-caller.js';
import type { AssetEntity } from '#libs/database/entities/asset.entity.js';
import type { GrantEntity, Privilege } from '#libs/database/entities/grant.entity.js';
import type { Representation } from '#libs/database/representation.js';
import { assertVersion, type Transaction, Transactions } from '#libs/database/transaction.js';
import { BadRequestError, NotFoundError } from '#libs/errors/errors.js';
import { changedFields, type EventDraft, type EventFields } from '#libs/events/event.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import { AssetsService } from '../assets/assets.service.js';
import { PrincipalsService } from '../principals/principals.service.js';
import { type GrantFilters, GrantsRepository } from './grants.repository.js';

export interface NewGrant {
  principalId: string;
  assetId: string;
  permission: string;
  privilege: Privilege;
  /** RFC 3339; now where it is absent. */
  grantedAt?: string;
  expiresAt?: string | null;
  justification?: string | null;
}

/** A JSON merge patch: what is absent stays, null clears. */
export type GrantPatch = Pick<Partial<NewGrant>, 'expiresAt' | 'justification'>;

@Injectable()
export class GrantsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly grants: GrantsRepository,
    private readonly principals: PrincipalsService,
    private readonly assets: AssetsService,
  ) {}

  list(filters: GrantFilters, page: PageRequest, caller: Caller): Promise<Page> {
    return this.grants.page(filters, readableSources(caller), page);
  }

  /** @throws NotFoundError also for a grant of a source that the caller may not see */
  async get(id: string, caller: Caller): Promise<Representation> {
    const grant = await this.grants.findRepresentation(id, readableSources(caller));
    if (!grant) throw NotFoundError.of('grant', id);
    return grant;
  }

  /** @throws ConflictError where the same access is granted already, however many ask at once */
  create(input: NewGrant, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const [asset] = await Promise.all([this.checkParties(tx, input), this.grants.markExpired(tx, input)]);
      assertWritable(asset.source, caller);
      const grant = newGrant(input, asset, tx);
      tx.record(grantCreated(grant));
      return this.grants.insertion(grant);
    });
  }

  update(id: string, patch: GrantPatch, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const grant = await this.lock(tx, id, caller);
      if (hasEnded(grant, tx.now)) throw new BadRequestError('business_rule', 'A grant that has ended cannot be changed.');
      const changed = { ...grant };
      if (patch.justification !== undefined) changed.justification = patch.justification;
      if (patch.expiresAt !== undefined) changed.expiresAt = patch.expiresAt === null ? null : new Date(patch.expiresAt);
      const changes = changedFields(eventFields(grant), eventFields(changed));
      // An end in the past would rewrite what was in force since then.
      if ('expiresAt' in changes.after && changed.expiresAt && changed.expiresAt <= tx.now) {
        throw BadRequestError.rule('expiresAt', 'must lie in the future; to end a grant now, revoke it');
      }
      if (Object.keys(changes.after).length === 0) {
        tx.leaveUnchanged();
        return this.grants.unchanged(id);
      }
      tx.record({ type: 'grant.updated', resource: { type: 'grant', id }, ...changes });
      return this.grants.overwriting({ ...changed, updatedAt: tx.now, version: grant.version + 1 });
    });
  }

  /** Takes access away, from this instant on. Of a grant that has ended already nothing changes. @throws BadRequestError for a blank reason */
  revoke(id: string, reason: string | null, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const grant = await this.lock(tx, id, caller);
      // Blanks say nothing, and would stand in the record for ever.
      if (reason?.trim() === '') throw BadRequestError.rule('reason', 'must say why');
      if (hasEnded(grant, tx.now)) {
        tx.leaveUnchanged();
        return this.grants.unchanged(id);
      }
      const revoked: GrantEntity = { ...grant, status: 'revoked', revokedAt: tx.now, revokedBy: tx.actor, revokeReason: reason };
      tx.record({
        type: 'grant.revoked',
        resource: { type: 'grant', id },
        before: { status: 'active' },
        after: { status: 'revoked' },
        reason,
      });
      return this.grants.overwriting({ ...revoked, updatedAt: tx.now, version: grant.version + 1 });
    });
  }

  /** The principal and the asset of a new grant: both there, and neither ended. */
  private async checkParties(tx: Transaction, { principalId, assetId }: NewGrant): Promise<AssetEntity> {
    const [principal, asset] = await Promise.all([this.principals.find(tx, principalId), this.assets.find(tx, assetId)]);
    if (!principal) throw BadRequestError.rule('principalId', 'names a principal that does not exist');
    if (!asset) throw BadRequestError.rule('assetId', 'names an asset that does not exist');
    if (principal.status === 'deactivated') throw BadRequestError.rule('principalId', 'names a principal that is deactivated');
    if (asset.status === 'retired') throw BadRequestError.rule('assetId', 'names an asset that is retired');
    return asset;
  }

  private async lock(tx: Transaction, id: string, caller: Caller): Promise<GrantEntity> {
    const grant = await this.grants.findForUpdate(tx, id);
    const sources = writableSources(caller);
    if (!grant || (sources && !sources.includes(grant.source))) throw NotFoundError.of('grant', id);
    assertVersion(caller, grant.version);
    return grant;
  }
}

function hasEnded(grant: GrantEntity, now: Date): boolean {
  return grant.status !== 'active' || (grant.expiresAt !== null && grant.expiresAt <= now);
}

/** @throws BadRequestError where its times break a rule */
export function newGrant(input: NewGrant, asset: Pick<AssetEntity, 'source'>, tx: Transaction): GrantEntity {
  const { principalId, assetId, permission, privilege, justification = null } = input;
  const grantedAt = input.grantedAt === undefined ? tx.now : new Date(input.grantedAt);
  const expiresAt = input.expiresAt ? new Date(input.expiresAt) : null;
  if (grantedAt > tx.now) throw BadRequestError.rule('grantedAt', 'must not lie in the future');
  if (expiresAt && expiresAt <= grantedAt) throw BadRequestError.rule('expiresAt', 'must lie after grantedAt');
  return {
    ...{
      id: uuidv7(),
      principalId,
      assetId,
      permission,
      privilege,
      source: asset.source,
      grantedAt,
      grantedBy: tx.actor,
      expiresAt,
      justification,
    },
    // An imported grant may have run out before it is recorded; it is in nobody's way.
    status: expiresAt && expiresAt <= tx.now ? 'expired' : 'active',
    ...{ revokedAt: null, revokedBy: null, revokeReason: null, restoresGrantId: null },
    ...{ createdAt: tx.now, updatedAt: tx.now, version: 1 },
  };
}

export function grantCreated(grant: GrantEntity): EventDraft {
  const after = Object.fromEntries(Object.entries(eventFields(grant)).filter(([, value]) => value !== null));
  return { type: 'grant.created', resource: { type: 'grant', id: grant.id }, after };
}

function eventFields(grant: GrantEntity): EventFields {
  const { principalId, assetId, permission, privilege, source, status, grantedAt, expiresAt, justification, restoresGrantId } = grant;
  return { principalId, assetId, permission, privilege, source, status, grantedAt, expiresAt, justification, restoresGrantId };
}
