/** A message as a handler gets it. */
export interface InboundMessage {
  key: string | null;
  /** The exact text that was sent. */
  value: string;
  /** The value parsed. */
  body: unknown;
  headers: Readonly<Record<string, string>>;
  partition: number;
  /** Rises within a partition, with gaps. */
  offset: string;
}

export interface OutboundMessage {
  /** Messages of one key stay in order. */
  key: string | null;
  value: string | Buffer | null;
  headers?: Readonly<Record<string, string>>;
}

export interface MessageProducer {
  /**
   * Resolves once the messages are durable (Kafka: acknowledged by all in-sync replicas). What was rejected may be there all the same:
   * send it again, in the same order.
   */
  send(topic: string, messages: readonly OutboundMessage[]): Promise<void>;
}

/** A message as a source reads it, before anybody has looked into it. */
export interface RawMessage {
  key: string | null;
  value: Buffer | string | null;
  headers: Readonly<Record<string, string>>;
  partition: number;
  offset: string;
}

/** Works through the messages; resolves when the group may move past them. Rejects with the reason of the signal once that is aborted. */
export type Deliver = (topic: string, messages: readonly RawMessage[], signal: AbortSignal) => Promise<void>;

/** Where the batches of one group come from: Kafka, or its in-process twin. */
export interface MessageSource {
  /** Begins to consume, from the oldest message that the group has not moved past. Never fails: a source that is away is tried for ever. */
  start(topics: readonly string[], deliver: Deliver): void;
  /** Stops after the batch at hand, or gives that one up where it is waiting to be tried again. */
  stop(): Promise<void>;
}

export interface PartitionLag {
  topic: string;
  partition: number;
  /** How many messages the group has not moved past. */
  lag: number;
}

/** What the apps know of Kafka. `API_KAFKA_BOOTSTRAP` decides whether it is Kafka, or the twin in PostgreSQL. */
export interface MessageBroker {
  readonly producer: MessageProducer;
  /** A source for one consumer group; one for each process and group. */
  source(group: string): MessageSource;
  consumerLag(group: string, topics: readonly string[]): Promise<PartitionLag[]>;
  /** Resolves where the broker answers within `timeoutMs`, else rejects. */
  check(timeoutMs: number): Promise<void>;
  /** Creates what is not there yet (topics). Sources and the producer do it by themselves; a start may do it early. */
  prepare(): Promise<void>;
  close(): Promise<void>;
}

/** Under which token Nest provides the MessageBroker. */
export const MESSAGE_BROKER = Symbol('MESSAGE_BROKER');

/**
 * Thrown by a handler for messages that no repetition will make right. They go to the dead-letter topic with their reason, and the handler
 * gets the batch again without them.
 */
export class PoisonMessageError extends Error {
  /** @param poisoned the places in the batch that the handler was given, from 0, each with why */
  constructor(readonly poisoned: readonly { index: number; reason: string }[]) {
    super(poisoned.map(({ index, reason }) => `message ${index}: ${reason}`).join('; '));
  }

  static at(index: number, reason: string): PoisonMessageError {
    return new PoisonMessageError([{ index, reason }]);
  }
}
