import { type Caller, writableSources } from '#libs/auth/request-caller.js';
import { connectorSources } from '#libs/auth/roles.js';
import type { Representation } from '#libs/database/representation.js';
import { assertVersion, Transactions } from '#libs/database/transaction.js';
import { BadRequestError, NotFoundError } from '#libs/errors/errors.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { lockRemediation, moveRemediation, type RemediationStatus } from '#libs/reviews/remediation.js';
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
      const remediation = await lockRemediation(tx, id);
      const sources = writableSources(caller);
      if (!remediation || (sources && !sources.includes(remediation.source))) throw NotFoundError.of('remediation', id);
      assertVersion(caller, remediation.version);
      if (status === 'failed' && reason === null) throw BadRequestError.rule('reason', 'is needed where it failed');
      if (remediation.status === status && remediation.reason === reason) tx.leaveUnchanged();
      else if (remediation.status === 'applied' || remediation.status === 'not_needed') {
        throw BadRequestError.rule('status', `is ${remediation.status} for good`);
      } else await moveRemediation(tx, remediation, status, reason);
      const changed = await this.remediations.findRepresentation(id, null, tx);
      if (!changed) throw NotFoundError.of('remediation', id);
      return changed;
    });
  }
}

/** Admins and auditors see all; a connector its own source's. */
function visibleSources(caller: Caller): string[] | null {
  return seesAll(caller) ? null : connectorSources(caller.identity.roles);
}
