import type { Caller } from '#libs/auth/request-caller.js';
import type { Representation } from '#libs/database/representation.js';
import { Body, Controller, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { DecisionsService } from './decisions.service.js';
import { DecideDto, DecisionOutcomesDto, ReassignDto, ReviewDto } from './packets.dto.js';
import { PacketsService } from './packets.service.js';
import { ReassignmentService } from './reassignment.service.js';

const DECIDE = ['governance.reviewer', 'governance.admin'] as const;

/** What is done with a packet. */
@ApiTags('reviews')
@Controller('reviews')
export class PacketWorkController {
  constructor(
    private readonly decisions: DecisionsService,
    private readonly reassignments: ReassignmentService,
    private readonly packets: PacketsService,
  ) {}

  @Post(':id/decisions')
  @IdParam('id', 'The packet.')
  @Operation({
    id: 'decide',
    summary: 'Decide items of a packet',
    description:
      'Up to 100 at once, with an outcome for each: what can be recorded is, whatever becomes of the others. Nothing is taken away before the packet closes.',
    roles: DECIDE,
    answer: { resource: DecisionOutcomesDto },
    errors: ['not_found', 'packet_closed', ...BODY_ERRORS],
    idempotent: true,
  })
  decide(@Param('id', UuidPipe) id: string, @Body() { decisions }: DecideDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.decisions.decide(id, decisions, caller);
  }

  @Post(':id/reassign')
  @IdParam('id', 'The packet.')
  @Operation({
    id: 'reassign',
    summary: 'Give items to another reviewer',
    description: 'Undecided ones, all or none. They come into the packet that the other has of the same campaign, or into a new one.',
    roles: DECIDE,
    answer: { resource: ReviewDto, versioned: true },
    errors: ['business_rule', 'self_review', 'not_found', 'packet_closed', 'already_decided', ...BODY_ERRORS],
    idempotent: true,
  })
  reassign(@Param('id', UuidPipe) id: string, @Body() body: ReassignDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.reassignments.reassign(id, body, caller);
  }

  @Post(':id/sign-off')
  @IdParam('id', 'The packet.')
  @Operation({
    id: 'signOff',
    summary: 'Sign a packet off',
    description: 'Once nothing is pending. It is final: from then on nothing in it changes. A packet of its own closes with it.',
    roles: DECIDE,
    answer: { resource: ReviewDto, versioned: true },
    errors: ['not_found', 'packet_closed', 'items_pending', 'campaign_state', ...BODY_ERRORS],
    conditional: true,
    idempotent: true,
  })
  signOff(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.decisions.signOff(id, caller);
  }

  @Post(':id/confirm')
  @IdParam('id', 'The packet.')
  @Operation({
    id: 'confirmReview',
    summary: 'Confirm what a packet of its own would revoke',
    description: 'Where the circuit breaker holds it. By an admin, and never by who made the packet.',
    roles: DECIDE,
    answer: { resource: ReviewDto, versioned: true },
    errors: ['not_found', 'campaign_state', 'second_admin_required', ...BODY_ERRORS],
    idempotent: true,
  })
  confirm(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.packets.confirm(id, caller);
  }

  @Post(':id/cancel')
  @IdParam('id', 'The packet.')
  @Operation({
    id: 'cancelReview',
    summary: 'Cancel a packet of its own',
    description: 'Nothing comes of it. By an admin, and only before it closes.',
    roles: DECIDE,
    answer: { resource: ReviewDto, versioned: true },
    errors: ['not_found', 'campaign_state', 'breaker_open', ...BODY_ERRORS],
    idempotent: true,
  })
  cancel(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.packets.cancel(id, caller);
  }

  @Post(':id/undo')
  @IdParam('id', 'The packet.')
  @Operation({
    id: 'undoReview',
    summary: 'Undo a packet of its own',
    description: 'Gives back, as new grants, what it took away, for 30 days after its end. By an admin.',
    roles: DECIDE,
    answer: { resource: ReviewDto, versioned: true },
    errors: ['not_found', 'campaign_state', 'undo_expired', ...BODY_ERRORS],
    idempotent: true,
  })
  undo(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.packets.undo(id, caller);
  }
}
