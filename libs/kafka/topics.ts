/** Every event of the product, in the order of the chain for each resource. Key: the id of the resource. */
export const EVENTS_TOPIC = 'governance.events';

/** Uses of grants, from connectors and from POST /v1/grants/usage. Key: what the use is about. */
export const USAGE_TOPIC = 'governance.usage';

/** Where a message goes that no repetition will make right. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.dlq`;
}

export interface TopicSpec {
  name: string;
  /** Fixed once the topic exists: with another number a key would move to another partition, and its order be lost. */
  partitions: number;
  retentionMs: number;
}

const DAY_MS = 86_400_000;

/** The topics that are created at the start where they are not there. PostgreSQL keeps the events for ever, Kafka only passes them on. */
export const TOPICS: readonly TopicSpec[] = [
  { name: EVENTS_TOPIC, partitions: 6, retentionMs: 30 * DAY_MS },
  { name: USAGE_TOPIC, partitions: 6, retentionMs: 7 * DAY_MS },
  { name: deadLetterTopic(EVENTS_TOPIC), partitions: 1, retentionMs: 90 * DAY_MS },
  { name: deadLetterTopic(USAGE_TOPIC), partitions: 1, retentionMs: 90 * DAY_MS },
];
