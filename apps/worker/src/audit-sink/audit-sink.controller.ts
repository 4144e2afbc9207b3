import { BatchHandler } from '#libs/kafka/batch-handler.decorator.js';
import type { InboundMessage } from '#libs/kafka/message.js';
import { EVENTS_TOPIC } from '#libs/kafka/topics.js';
import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { AUDIT_SINK_GROUP, AuditSink } from './audit-sink.service.js';

@Controller()
export class AuditSinkController {
  constructor(private readonly sink: AuditSink) {}

  @BatchHandler(EVENTS_TOPIC, AUDIT_SINK_GROUP)
  take(@Payload() messages: InboundMessage[]): Promise<void> {
    return this.sink.take(messages);
  }
}
