import { setTimeout as pause } from 'node:timers/promises';
import { PoisonMessageError, type InboundMessage, type MessageProducer, type RawMessage } from './message.js';
import { deadLetterTopic } from './topics.js';

/** The second argument of a handler. */
export interface BatchContext {
  topic: string;
  group: string;
  /** Aborted when the process stops, or when the group has given the messages to another process. */
  signal: AbortSignal;
}

export type BatchFunction = (messages: InboundMessage[], context: BatchContext) => Promise<void>;

/** Hears of what becomes of messages: for metrics and logs. */
export interface DeliveryObserver {
  delivered?(topic: string, count: number): void;
  /** The handler, or the dead-letter topic, failed; the batch will be tried again after `delayMs`. */
  failed?(topic: string, error: unknown, delayMs: number): void;
  deadLettered?(topic: string, count: number, reason: string): void;
}

/** How long a failed batch waits: `initialMs`, doubled each time up to `maxMs`. */
export interface Backoff {
  initialMs: number;
  maxMs: number;
}

interface Poison {
  message: RawMessage;
  reason: string;
}

interface Candidate {
  raw: RawMessage;
  message: InboundMessage;
}

/** Brings a batch to its handler until that has taken it, whatever the batch holds. */
export class BatchDelivery {
  constructor(
    private readonly group: string,
    private readonly deadLetters: MessageProducer,
    private readonly observer: DeliveryObserver,
    private readonly backoff: Backoff,
  ) {}

  async deliver(topic: string, raw: readonly RawMessage[], handler: BatchFunction, signal: AbortSignal): Promise<void> {
    let { candidates, poison } = sift(raw);
    for (let delayMs = this.backoff.initialMs; ;) {
      signal.throwIfAborted();
      try {
        // Dead letters first: once the handler has taken the rest, nothing may fail any more.
        await this.bury(topic, poison);
        poison = [];
        if (candidates.length > 0)
          await handler(
            candidates.map(({ message }) => message),
            { topic, group: this.group, signal },
          );
        this.observer.delivered?.(topic, candidates.length);
        return;
      } catch (error) {
        const named = error instanceof PoisonMessageError ? namedBy(error, candidates) : [];
        if (named.length > 0) {
          poison = named;
          const dead = new Set(named.map(({ message }) => message));
          candidates = candidates.filter(({ raw: message }) => !dead.has(message));
          continue;
        }
        signal.throwIfAborted();
        this.observer.failed?.(topic, error, delayMs);
        await waited(delayMs, signal);
        delayMs = Math.min(delayMs * 2, this.backoff.maxMs);
      }
    }
  }

  private async bury(topic: string, poison: readonly Poison[]): Promise<void> {
    if (poison.length === 0) return;
    const letters = poison.map(({ message, reason }) => ({
      key: message.key,
      value: message.value,
      headers: {
        ...message.headers,
        'dlq-reason': reason.slice(0, 1_000),
        'dlq-topic': topic,
        'dlq-partition': String(message.partition),
        'dlq-offset': message.offset,
        'dlq-group': this.group,
        'dlq-time': new Date().toISOString(),
      },
    }));
    await this.deadLetters.send(deadLetterTopic(topic), letters);
    for (const { reason } of poison) this.observer.deadLettered?.(topic, 1, reason);
  }
}

/** Parts the messages that hold JSON from those that do not. */
function sift(raw: readonly RawMessage[]): { candidates: Candidate[]; poison: Poison[] } {
  const candidates: Candidate[] = [];
  const poison: Poison[] = [];
  for (const message of raw) {
    try {
      const value = textOf(message.value);
      const { key, headers, partition, offset } = message;
      candidates.push({ raw: message, message: { key, value, body: JSON.parse(value) as unknown, headers, partition, offset } });
    } catch (error) {
      poison.push({ message, reason: `The value is not JSON in UTF-8: ${(error as Error).message}` });
    }
  }
  return { candidates, poison };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(value: Buffer | string | null): string {
  if (value === null) throw new TypeError('there is no value');
  return typeof value === 'string' ? value : utf8.decode(value);
}

function namedBy(error: PoisonMessageError, candidates: readonly Candidate[]): Poison[] {
  const reasons = new Map(error.poisoned.map(({ index, reason }) => [index, reason]));
  return candidates.flatMap(({ raw }, index) => {
    const reason = reasons.get(index);
    return reason === undefined ? [] : [{ message: raw, reason }];
  });
}

async function waited(delayMs: number, signal: AbortSignal): Promise<void> {
  await pause(delayMs, undefined, { signal }).catch(() => {
    signal.throwIfAborted();
  });
}
