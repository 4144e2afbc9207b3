import { assertWritable, type Caller, readableSources, writableSources } from '#libs/auth/request-caller.js';
import type { Closing } from '#libs/database/closing.js';
import type { AssetEntity, AssetStatus, AssetType, Sensitivity } from '#libs/database/entities/asset.entity.js';
import { definedOnly } from '#libs/database/merge-patch.js';
import type { Representation } from '#libs/database/representation.js';
import { assertVersion, type Transaction, Transactions } from '#libs/database/transaction.js';
import { BadRequestError, NotFoundError } from '#libs/errors/errors.js';
import { changedFields, type EventFields } from '#libs/events/event.js';
import { nameDigest } from '#libs/events/personal.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import { type AssetFilters, AssetsRepository } from './assets.repository.js';

export interface NewAsset {
  type: AssetType;
  name: string;
  externalId?: string | null;
  source: string;
  sensitivity: Sensitivity;
  ownerId?: string | null;
  parentId?: string | null;
  tags?: string[];
  /** RFC 3339. */
  usageTrackedSince?: string | null;
}

/** A JSON merge patch: what is absent stays, null clears. */
export interface AssetPatch extends Partial<Omit<NewAsset, 'type' | 'source' | 'tags'>> {
  tags?: string[] | null;
  status?: AssetStatus;
}

@Injectable()
export class AssetsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly assets: AssetsRepository,
  ) {}

  list(filters: AssetFilters, page: PageRequest, caller: Caller): Promise<Page> {
    return this.assets.page(filters, readableSources(caller), page);
  }

  /** @throws NotFoundError also for an asset of a source that the caller may not see */
  async get(id: string, caller: Caller): Promise<Representation> {
    const asset = await this.assets.findRepresentation(id, readableSources(caller));
    if (!asset) throw NotFoundError.of('asset', id);
    return asset;
  }

  /** The asset that a grant is to be given on, for `GrantsService`; null where there is none. */
  find(tx: Transaction, id: string): Promise<AssetEntity | null> {
    return this.assets.find(tx, id);
  }

  create(input: NewAsset, caller: Caller): Promise<Representation> {
    assertWritable(input.source, caller);
    return this.transactions.write(caller, (tx) => {
      const { type, name, externalId = null, source, sensitivity, ownerId = null, parentId = null, tags = [] } = input;
      const asset: AssetEntity = {
        ...{ id: uuidv7(), type, name, externalId, source, sensitivity, ownerId, parentId, tags, status: 'active' },
        usageTrackedSince: toDate(input.usageTrackedSince),
        ...{ createdAt: tx.now, updatedAt: tx.now, version: 1 },
      };
      const after = Object.fromEntries(Object.entries(eventFields(asset)).filter(([, value]) => value !== null));
      tx.record({ type: 'asset.created', resource: { type: 'asset', id: asset.id }, after });
      return this.assets.insertion(asset);
    });
  }

  update(id: string, patch: AssetPatch, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const asset = await this.lock(tx, id, caller);
      const { usageTrackedSince, tags = asset.tags, ...fields } = patch;
      const changed = {
        ...asset,
        ...definedOnly(fields),
        tags: tags ?? [],
        ...(usageTrackedSince === undefined ? {} : { usageTrackedSince: toDate(usageTrackedSince) }),
      };
      const moved = changed.parentId !== null && changed.parentId !== asset.parentId;
      if (moved && (await this.assets.isInside(tx, changed.parentId as string, id)))
        throw BadRequestError.rule('parentId', 'lies inside this asset');
      return this.save(tx, asset, changed);
    });
  }

  /** Ends an asset. Its grants stay as they are, for whoever ends them. Again: nothing changes. */
  async retire(id: string, caller: Caller): Promise<void> {
    await this.transactions.write(caller, async (tx) => {
      const asset = await this.lock(tx, id, caller);
      return this.save(tx, asset, { ...asset, status: 'retired' });
    });
  }

  private async lock(tx: Transaction, id: string, caller: Caller): Promise<AssetEntity> {
    const asset = await this.assets.findForUpdate(tx, id);
    const sources = writableSources(caller);
    if (!asset || (sources && !sources.includes(asset.source))) throw NotFoundError.of('asset', id);
    assertVersion(caller, asset.version);
    return asset;
  }

  private save(tx: Transaction, before: AssetEntity, after: AssetEntity): Closing {
    const changes = changedFields(eventFields(before), eventFields(after));
    if (Object.keys(changes.after).length === 0) {
      tx.leaveUnchanged();
      return this.assets.unchanged(before);
    }
    const ended = after.status === 'retired' && before.status !== 'retired';
    tx.record({ type: ended ? 'asset.retired' : 'asset.updated', resource: { type: 'asset', id: before.id }, ...changes });
    return this.assets.overwriting({ ...after, updatedAt: tx.now, version: before.version + 1 });
  }
}

function toDate(value: string | null | undefined): Date | null {
  return value === null || value === undefined ? null : new Date(value);
}

/** What an event holds of an asset: its names by digest, since no event holds a name. */
function eventFields({
  type,
  name,
  externalId,
  source,
  sensitivity,
  ownerId,
  parentId,
  tags,
  status,
  usageTrackedSince,
}: AssetEntity): EventFields {
  return {
    type,
    name: nameDigest(name),
    externalId: nameDigest(externalId),
    source,
    sensitivity,
    ownerId,
    parentId,
    tags,
    status,
    usageTrackedSince,
  };
}
