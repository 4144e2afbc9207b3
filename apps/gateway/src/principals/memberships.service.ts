import { type Caller, readableSources, writableSources } from '#libs/auth/request-caller.js';
import { type Transaction, Transactions } from '#libs/database/transaction.js';
import type { PrincipalEntity } from '#libs/database/entities/principal.entity.js';
import { BadRequestError, NotFoundError } from '#libs/errors/errors.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import { MembershipsRepository } from './memberships.repository.js';
import { PrincipalsRepository } from './principals.repository.js';

/** Who is in which group. Groups may be in groups, but never in themselves. */
@Injectable()
export class MembershipsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly principals: PrincipalsRepository,
    private readonly memberships: MembershipsRepository,
  ) {}

  async members(groupId: string, page: PageRequest, caller: Caller): Promise<Page> {
    await this.assertReadable(groupId, caller);
    return this.memberships.members(groupId, page);
  }

  async groupsOf(principalId: string, transitive: boolean, page: PageRequest, caller: Caller): Promise<Page> {
    await this.assertReadable(principalId, caller);
    return this.memberships.groupsOf(principalId, transitive, page);
  }

  /** Again: nothing changes. @throws BadRequestError `membership_cycle` */
  addMember(groupId: string, memberId: string, caller: Caller): Promise<void> {
    return this.transactions.write(caller, async (tx) => {
      const { group, member } = await this.pair(tx, groupId, memberId, caller);
      if (group.status === 'deactivated') throw BadRequestError.rule('groupId', 'names a group that is deactivated');
      const memberIsGroup = member.type === 'group';
      if (memberIsGroup && (await this.memberships.isInside(tx, groupId, memberId))) throw new BadRequestError('membership_cycle');
      const added = await this.memberships.add(tx, { id: uuidv7(), groupId, memberId, memberIsGroup, addedAt: tx.now, removedAt: null });
      if (added) tx.record({ type: 'membership.added', resource: { type: 'principal', id: groupId }, after: { memberId } });
      else tx.leaveUnchanged();
    });
  }

  /** Again: nothing changes. */
  removeMember(groupId: string, memberId: string, caller: Caller): Promise<void> {
    return this.transactions.write(caller, async (tx) => {
      await this.pair(tx, groupId, memberId, caller);
      const ended = await this.memberships.end(tx, groupId, memberId);
      if (ended) tx.record({ type: 'membership.removed', resource: { type: 'principal', id: groupId }, before: { memberId } });
      else tx.leaveUnchanged();
    });
  }

  private async pair(
    tx: Transaction,
    groupId: string,
    memberId: string,
    caller: Caller,
  ): Promise<Record<'group' | 'member', PrincipalEntity>> {
    const group = await this.principals.find(tx, groupId);
    const sources = writableSources(caller);
    if (!group || (sources && !sources.includes(group.source))) throw NotFoundError.of('principal', groupId);
    const member = await this.principals.find(tx, memberId);
    if (!member) throw NotFoundError.of('principal', memberId);
    if (group.type !== 'group') throw BadRequestError.rule('groupId', 'names a principal that is no group');
    return { group, member };
  }

  private async assertReadable(id: string, caller: Caller): Promise<void> {
    if (!(await this.principals.findRepresentation(id, readableSources(caller)))) throw NotFoundError.of('principal', id);
  }
}
