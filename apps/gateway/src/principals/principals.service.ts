import { assertWritable, type Caller, readableSources, writableSources } from '#libs/auth/request-caller.js';
import type { Closing } from '#libs/database/closing.js';
import type { PrincipalEntity, PrincipalStatus, PrincipalType } from '#libs/database/entities/principal.entity.js';
import { definedOnly } from '#libs/database/merge-patch.js';
import type { Representation } from '#libs/database/representation.js';
import { assertVersion, type Transaction, Transactions } from '#libs/database/transaction.js';
import { BadRequestError, NotFoundError } from '#libs/errors/errors.js';
import { changedFields, type EventFields } from '#libs/events/event.js';
import { newDigestKey, personalDigest } from '#libs/events/personal.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import { MAX_ATTRIBUTES } from '../http/fields.js';
import { type PrincipalFilters, PrincipalsRepository } from './principals.repository.js';

export interface NewPrincipal {
  type: PrincipalType;
  displayName: string;
  email?: string | null;
  externalId?: string | null;
  source: string;
  department?: string | null;
  managerId?: string | null;
  ownerId?: string | null;
  attributes?: Record<string, string>;
}

/** A JSON merge patch: what is absent stays, null clears. */
export interface PrincipalPatch extends Partial<Omit<NewPrincipal, 'type' | 'source' | 'attributes'>> {
  status?: PrincipalStatus;
  attributes?: Record<string, string | null> | null;
}

/** The name that an erased principal goes by. */
const ERASED_NAME = 'Erased principal';

@Injectable()
export class PrincipalsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly principals: PrincipalsRepository,
  ) {}

  list(filters: PrincipalFilters, page: PageRequest, caller: Caller): Promise<Page> {
    return this.principals.page(filters, readableSources(caller), page);
  }

  /** @throws NotFoundError also for a principal of a source that the caller may not see */
  async get(id: string, caller: Caller): Promise<Representation> {
    const principal = await this.principals.findRepresentation(id, readableSources(caller));
    if (!principal) throw NotFoundError.of('principal', id);
    return principal;
  }

  /** The principal that an Entra object id belongs to, or null. */
  async findByObjectId(objectId: string): Promise<Representation | null> {
    const id = await this.principals.findIdByExternalId('entra', objectId);
    return id === null ? null : this.principals.findRepresentation(id, null);
  }

  /** The principal that a grant is to be given to, for `GrantsService`; null where there is none. */
  find(tx: Transaction, id: string): Promise<PrincipalEntity | null> {
    return this.principals.find(tx, id);
  }

  create(input: NewPrincipal, caller: Caller): Promise<Representation> {
    assertWritable(input.source, caller);
    return this.transactions.write(caller, (tx) => {
      const { email = null, externalId = null, department = null, managerId = null, ownerId = null, attributes = {} } = input;
      const { type, displayName, source } = input;
      const principal: PrincipalEntity = {
        ...{ id: uuidv7(), type, displayName, email, externalId, source, status: 'active', department, managerId, ownerId, attributes },
        ...{ createdAt: tx.now, updatedAt: tx.now, version: 1 },
      };
      const key = newDigestKey();
      const after = Object.fromEntries(Object.entries(eventFields(principal, key)).filter(([, value]) => value !== null));
      tx.record({ type: 'principal.created', resource: { type: 'principal', id: principal.id }, after });
      return this.principals.insertion(principal, key);
    });
  }

  update(id: string, patch: PrincipalPatch, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const [principal, key] = await this.lock(tx, id, caller);
      const { attributes, ...fields } = patch;
      const changed = { ...principal, ...definedOnly(fields), attributes: mergedAttributes(principal.attributes, attributes) };
      return this.save(tx, principal, changed, key);
    });
  }

  /** Ends a principal: from now on it reaches nothing and passes nothing on. Again: nothing changes. */
  async deactivate(id: string, caller: Caller): Promise<void> {
    await this.transactions.write(caller, async (tx) => {
      const [principal, key] = await this.lock(tx, id, caller);
      return this.save(tx, principal, { ...principal, status: 'deactivated' }, key);
    });
  }

  /**
   * Overwrites the personal fields here and in the history, and drops the key without which their digests in the log say nothing.
   * What the principal had and did stays, under its id. Again: nothing changes.
   */
  erase(id: string, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const [principal, key] = await this.lock(tx, id, caller);
      if (key === null) tx.leaveUnchanged();
      else {
        const erased = { ...principal, displayName: ERASED_NAME, email: null, externalId: null, attributes: {} };
        await this.principals.update(tx, { ...erased, updatedAt: tx.now, version: principal.version + 1 });
        await this.principals.forget(tx, id, ERASED_NAME);
        tx.record({ type: 'principal.erased', resource: { type: 'principal', id } });
      }
      return this.represent(tx, id);
    });
  }

  /** A principal, locked, and the key of its digests; null where it has none. */
  private async lock(tx: Transaction, id: string, caller: Caller): Promise<[PrincipalEntity, Buffer | null]> {
    const [principal, key] = await Promise.all([this.principals.findForUpdate(tx, id), this.principals.findDigestKey(tx, id)]);
    const sources = writableSources(caller);
    if (!principal || (sources && !sources.includes(principal.source))) throw NotFoundError.of('principal', id);
    assertVersion(caller, principal.version);
    return [principal, key];
  }

  private save(tx: Transaction, before: PrincipalEntity, after: PrincipalEntity, key: Buffer | null): Closing {
    if (Object.keys(changedFields(plainFields(before), plainFields(after)).after).length === 0) {
      tx.leaveUnchanged();
      return this.principals.unchanged(before);
    }
    const digests = key ?? newDigestKey();
    const ended = after.status === 'deactivated' && before.status !== 'deactivated';
    tx.record({
      type: ended ? 'principal.deactivated' : 'principal.updated',
      resource: { type: 'principal', id: before.id },
      ...changedFields(eventFields(before, digests), eventFields(after, digests)),
    });
    return this.principals.overwriting({ ...after, updatedAt: tx.now, version: before.version + 1 }, key ? null : digests);
  }

  private async represent(tx: Transaction, id: string): Promise<Representation> {
    const representation = await this.principals.findRepresentation(id, null, tx);
    if (!representation) throw NotFoundError.of('principal', id);
    return representation;
  }
}

function mergedAttributes(current: Record<string, string>, patch: PrincipalPatch['attributes']): Record<string, string> {
  if (patch === undefined) return current;
  if (patch === null) return {};
  const merged = Object.entries({ ...current, ...patch }).filter((entry): entry is [string, string] => entry[1] !== null);
  // One patch after another must not carry it past what one request may say.
  if (merged.length > MAX_ATTRIBUTES) throw BadRequestError.rule('attributes', `would hold more than ${MAX_ATTRIBUTES} names`);
  return Object.fromEntries(merged);
}

function plainFields({ displayName, email, externalId, status, department, managerId, ownerId, attributes }: PrincipalEntity): EventFields {
  return { displayName, email, externalId, status, department, managerId, ownerId, attributes: Object.entries(attributes).sort() };
}

/** What an event may hold of a principal: ids and words of its own as they are, personal fields as digests. */
function eventFields(principal: PrincipalEntity, key: Buffer): EventFields {
  const { type, source, status, department, managerId, ownerId, displayName, email, externalId, attributes } = principal;
  const personal = Object.entries({ displayName, email, externalId, attributes }).map(([name, value]) => [
    name,
    personalDigest(key, name, value),
  ]);
  return { type, source, status, department, managerId, ownerId, ...(Object.fromEntries(personal) as EventFields) };
}
