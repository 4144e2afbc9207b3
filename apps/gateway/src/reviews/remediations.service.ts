import { type Caller, writableSources } from '#libs/auth/request-caller.js';
import { connectorSources } from '#libs/auth/roles.js';
import type { Representation } from '#libs/database/representation.js';
import { assertVersion, type Transaction, Transactions } from '#libs/database/transaction.js';
import { BadRequestError, ConflictError, NotFoundError } from '#libs/errors/errors.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { leaseRemediation, lockRemediation, moveRemediation, type Remediation, type RemediationStatus } from '#libs/reviews/remediation.js';
import { Injectable } from '@nestjs/common';
import { seesAll } from './packet-access.service.js';
import { type RemediationFilters, RemediationsRepository } from './remediations.repository.js';

/** What has been decided to be taken away, for those who do that at its source. */
@Injectable()
export class RemediationsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly remediations: RemediationsRepository,
  ) {}

  list(filters: RemediationFilters, page: PageRequest, caller: Caller): Promise<Page> {
    return this.remediations.page(filters, visibleSources(caller), page);
  }

  /** @throws NotFoundError also for one of another connector's source */
  async get(id: string, caller: Caller): Promise<Representation> {
    const found = await this.remediations.findRepresentation(id, visibleSources(caller));
    if (!found) throw NotFoundError.of('remediation', id);
    return found;
  }

  /** What a connector found at its source. What is `applied` ends the grant here too. The same again changes nothing. */
  report(id: string, status: RemediationStatus, reason: string | null, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const remediation = await this.lock(tx, id, caller);
      if (status === 'failed' && !reason?.trim()) throw BadRequestError.rule('reason', 'is needed where it failed');
      const over = isSettled(remediation);
      // A connector may say that it took something away after that was seen without its saying so.
      if (remediation.status === status && (over || remediation.reason === reason)) tx.leaveUnchanged();
      else if (over) throw BadRequestError.rule('status', `is ${remediation.status} for good`);
      else await moveRemediation(tx, remediation, status, reason);
      return this.represent(tx, id);
    });
  }

  /** Takes a remediation to carry it out. @throws ConflictError `leased` while somebody else has it */
  lease(id: string, seconds: number, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const remediation = await this.lock(tx, id, caller);
      if (isSettled(remediation)) throw BadRequestError.rule('status', `is ${remediation.status} for good`);
      await leaseRemediation(tx, remediation, seconds);
      return this.represent(tx, id);
    });
  }

  private async lock(tx: Transaction, id: string, caller: Caller): Promise<Remediation> {
    const remediation = await lockRemediation(tx, id);
    const sources = writableSources(caller);
    if (!remediation || (sources && !sources.includes(remediation.source))) throw NotFoundError.of('remediation', id);
    assertVersion(caller, remediation.version);
    if (remediation.leasedBy !== null && remediation.leasedBy !== tx.actor.id) throw new ConflictError('leased');
    return remediation;
  }

  private async represent(tx: Transaction, id: string): Promise<Representation> {
    const representation = await this.remediations.findRepresentation(id, null, tx);
    if (!representation) throw NotFoundError.of('remediation', id);
    return representation;
  }
}

const isSettled = ({ status }: Remediation): boolean => status === 'applied' || status === 'not_needed';

/** Admins and auditors see all; a connector its own source's. */
function visibleSources(caller: Caller): string[] | null {
  return seesAll(caller) ? null : connectorSources(caller.identity.roles);
}
