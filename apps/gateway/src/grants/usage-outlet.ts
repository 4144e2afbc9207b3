import { UnavailableError } from '#libs/errors/errors.js';
import { MESSAGE_BROKER, type MessageBroker } from '#libs/kafka/message.js';
import { USAGE_TOPIC } from '#libs/kafka/topics.js';
import { type SentUsageEvent, usageMessage } from '#libs/scoring/usage-event.js';
import { Inject, Injectable } from '@nestjs/common';

interface Load {
  events: SentUsageEvent[];
  sent: Promise<void>;
}

/**
 * Puts usage events on their topic. While one load is on its way, what comes in meanwhile gathers for the next: many small requests at once
 * cost one wait for the disk, not one each.
 */
@Injectable()
export class UsageOutlet {
  private sending: Promise<void> = Promise.resolve();
  private next: Load | null = null;

  constructor(@Inject(MESSAGE_BROKER) private readonly broker: MessageBroker) {}

  /** Resolves when the events are durable. @throws UnavailableError */
  async send(events: readonly SentUsageEvent[]): Promise<void> {
    if (events.length === 0) return;
    const load = (this.next ??= this.gather());
    load.events.push(...events);
    await load.sent;
  }

  private gather(): Load {
    const load: Load = { events: [], sent: Promise.resolve() };
    load.sent = this.sending
      .catch(() => undefined)
      .then(() => {
        this.next = null;
        return this.deliver(load.events);
      });
    this.sending = load.sent;
    return load;
  }

  private async deliver(events: readonly SentUsageEvent[]): Promise<void> {
    try {
      await this.broker.producer.send(USAGE_TOPIC, events.map(usageMessage));
    } catch (error) {
      throw new UnavailableError('Usage cannot be taken for the moment.', { cause: error });
    }
  }
}
