import type { Caller } from '#libs/auth/request-caller.js';
import { READERS, WRITERS } from '#libs/auth/roles.js';
import type { Page } from '#libs/pagination/page.js';
import { Controller, Delete, Get, Param, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { Operation } from '../http/operation.js';
import { PageQueryDto } from '../http/page.dto.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { GroupOfPageDto, ListGroupsDto, MemberPageDto } from './memberships.dto.js';
import { MembershipsService } from './memberships.service.js';

@ApiTags('principals')
@Controller('principals')
export class MembershipsController {
  constructor(private readonly memberships: MembershipsService) {}

  @Get(':groupId/members')
  @IdParam('groupId', 'The group.')
  @Operation({
    id: 'listMembers',
    summary: 'List the members of a group',
    description: 'Its direct members now, by id.',
    roles: READERS,
    answer: { page: MemberPageDto },
    errors: ['invalid_cursor', 'not_found'],
  })
  members(@Param('groupId', UuidPipe) groupId: string, @Query() page: PageQueryDto, @CurrentCaller() caller: Caller): Promise<Page> {
    return this.memberships.members(groupId, page, caller);
  }

  @Put(':groupId/members/:principalId')
  @IdParam('groupId', 'The group.')
  @IdParam('principalId', 'The member.')
  @Operation({
    id: 'addMember',
    summary: 'Put a principal into a group',
    description:
      'From now on it reaches what the group reaches. A group may be put into another, but never into itself at any depth. Again: nothing changes.',
    roles: WRITERS,
    answer: { status: 204 },
    errors: ['business_rule', 'membership_cycle', 'not_found'],
  })
  add(
    @Param('groupId', UuidPipe) groupId: string,
    @Param('principalId', UuidPipe) principalId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    return this.memberships.addMember(groupId, principalId, caller);
  }

  @Delete(':groupId/members/:principalId')
  @IdParam('groupId', 'The group.')
  @IdParam('principalId', 'The member.')
  @Operation({
    id: 'removeMember',
    summary: 'Take a principal out of a group',
    description: 'Ends the membership; that it was one stays known. Again: nothing changes.',
    roles: WRITERS,
    answer: { status: 204 },
    errors: ['business_rule', 'not_found'],
  })
  remove(
    @Param('groupId', UuidPipe) groupId: string,
    @Param('principalId', UuidPipe) principalId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    return this.memberships.removeMember(groupId, principalId, caller);
  }

  @Get(':id/groups')
  @IdParam('id', 'The principal.')
  @Operation({
    id: 'listGroupsOfPrincipal',
    summary: 'List the groups that a principal is in',
    description: 'Its groups now, by id; with `transitive` also those that it is in through other groups.',
    roles: READERS,
    answer: { page: GroupOfPageDto },
    errors: ['invalid_cursor', 'not_found'],
  })
  groupsOf(
    @Param('id', UuidPipe) id: string,
    @Query() { transitive, ...page }: ListGroupsDto,
    @CurrentCaller() caller: Caller,
  ): Promise<Page> {
    return this.memberships.groupsOf(id, transitive, page, caller);
  }
}
