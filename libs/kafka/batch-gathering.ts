import type { RawMessage } from './message.js';

/**
 * Makes one batch of what several partitions were handed at the same moment: ClickHouse wants few large inserts, and Kafka answers one fetch
 * with a batch for each partition. Each partition waits for the batch that its messages are in.
 */
export class BatchGathering {
  private waiting: RawMessage[] = [];
  private flushed: Promise<void> | null = null;

  /** @param deliver gets at most `maxMessages` at a time; those of one partition in their order */
  constructor(
    private readonly maxMessages: number,
    private readonly deliver: (messages: readonly RawMessage[]) => Promise<void>,
  ) {}

  /** Resolves once these messages have been delivered. */
  add(messages: readonly RawMessage[]): Promise<void> {
    for (const message of messages) this.waiting.push(message);
    // kafkajs starts the work on all partitions of a fetch in one go; the next turn of the event loop comes after the last of them.
    this.flushed ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.flush());
    return this.flushed;
  }

  private async flush(): Promise<void> {
    const messages = this.waiting;
    this.waiting = [];
    this.flushed = null;
    for (let start = 0; start < messages.length; start += this.maxMessages) {
      await this.deliver(messages.slice(start, start + this.maxMessages));
    }
  }
}
