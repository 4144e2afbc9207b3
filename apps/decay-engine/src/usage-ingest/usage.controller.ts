import { BatchHandler } from '#libs/kafka/batch-handler.decorator.js';
import type { InboundMessage } from '#libs/kafka/message.js';
import { USAGE_TOPIC } from '#libs/kafka/topics.js';
import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ENGINE_GROUP, UsageIngestService } from './usage-ingest.service.js';

@Controller()
export class UsageController {
  constructor(private readonly usage: UsageIngestService) {}

  @BatchHandler(USAGE_TOPIC, ENGINE_GROUP)
  take(@Payload() messages: InboundMessage[]): Promise<void> {
    return this.usage.take(messages);
  }
}
