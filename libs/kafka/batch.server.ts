import { Logger } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { BatchDelivery, type Backoff, type BatchContext, type DeliveryObserver } from './batch-delivery.js';
import { groupTransport } from './batch-handler.decorator.js';
import type { InboundMessage, MessageBroker, MessageSource, RawMessage } from './message.js';

export interface BatchServerOptions {
  observer?: DeliveryObserver;
  backoff?: Backoff;
}

const BACKOFF: Backoff = { initialMs: 200, maxMs: 10_000 };

/**
 * The transport strategy of one consumer group: hands whole batches to the methods marked with `@BatchHandler(topic, group)`, and lets the
 * group move on only when they have taken them. A topic without a handler is not consumed at all.
 *
 *     app.connectMicroservice({ strategy: new BatchServer(broker, 'audit-sink') })
 */
export class BatchServer extends Server implements CustomTransportStrategy {
  override readonly transportId: symbol;
  override readonly propagatesEventHandlerErrors = true;
  protected override readonly logger = new Logger(BatchServer.name);
  private readonly source: MessageSource;
  private readonly delivery: BatchDelivery;

  constructor(
    broker: MessageBroker,
    private readonly group: string,
    { observer = {}, backoff = BACKOFF }: BatchServerOptions = {},
  ) {
    super();
    this.transportId = groupTransport(group);
    this.source = broker.source(group);
    this.delivery = new BatchDelivery(group, broker.producer, this.logged(observer), backoff);
  }

  /** Calls back at once: a broker that is away must not hold up the start of the process. */
  listen(callback: () => void): void {
    const topics = [...this.messageHandlers.keys()];
    if (topics.length === 0) this.logger.warn(`The group ${this.group} has no handler and consumes nothing.`);
    else this.source.start(topics, (topic, messages, signal) => this.deliver(topic, messages, signal));
    callback();
  }

  async close(): Promise<void> {
    await this.source.stop();
  }

  on(): void {
    throw new Error('A batch server has no events; give it an observer.');
  }

  unwrap<T>(): T {
    return this.source as T;
  }

  private async deliver(topic: string, raw: readonly RawMessage[], signal: AbortSignal): Promise<void> {
    const handler = this.messageHandlers.get(topic) as MessageHandler<InboundMessage[], BatchContext> | undefined;
    if (!handler) throw new Error(`There is no handler for ${topic}.`);
    const handle = async (messages: InboundMessage[], context: BatchContext): Promise<void> => {
      const result: unknown = await handler(messages, context);
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    };
    await this.delivery.deliver(topic, raw, handle, signal);
  }

  private logged(observer: DeliveryObserver): DeliveryObserver {
    return {
      delivered: (topic, count) => observer.delivered?.(topic, count),
      failed: (topic, error, delayMs) => {
        this.logger.warn(`${this.group} could not take a batch of ${topic} and tries again in ${delayMs} ms: ${(error as Error).message}`);
        observer.failed?.(topic, error, delayMs);
      },
      deadLettered: (topic, count, reason) => {
        this.logger.error(`${this.group} put ${count} message(s) of ${topic} on the dead-letter topic: ${reason}`);
        observer.deadLettered?.(topic, count, reason);
      },
    };
  }
}
