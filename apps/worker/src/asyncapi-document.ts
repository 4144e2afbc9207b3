import { EVENT_TYPES } from '#libs/events/event.js';
import { eventMessage } from '#libs/kafka/event-message.js';
import { deadLetterTopic, EVENTS_TOPIC, TOPICS, type TopicSpec, USAGE_TOPIC } from '#libs/kafka/topics.js';

type Json = Record<string, unknown>;

const ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const TIME = '2026-01-31T09:00:00.000Z';
const HASH = '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9';

const text = (description: string, more: Json = {}): Json => ({ type: 'string', description, ...more });
const orNull = (description: string, more: Json = {}): Json => ({ type: ['string', 'null'], description, ...more });
const instant = (description: string): Json => text(description, { format: 'date-time', examples: [TIME] });
const uuid = (description: string): Json => text(description, { format: 'uuid', examples: [ID] });
const hash = (description: string): Json => text(description, { pattern: '^[0-9a-f]{64}$', examples: [HASH] });
const fields = (description: string): Json => ({ type: ['object', 'null'], description, additionalProperties: true });
const object = (description: string, properties: Json, optional: readonly string[] = []): Json => ({
  type: 'object',
  description,
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

const ACTOR = object('Who did it.', {
  id: text('The `oid` or `sub` of the token.'),
  type: text('What the caller is.', { enum: ['user', 'app', 'system'] }),
  principalId: orNull('The principal that the caller is, where there is one.', { format: 'uuid' }),
});

const EVENT = object('The canonical text (RFC 8785) that the hash covers, byte for byte.', {
  id: uuid('The id of the event, a UUIDv7.'),
  sequence: { type: 'integer', minimum: 1, description: 'Its place in the chain, without a gap.' },
  time: instant('When it happened.'),
  action: text('What happened.', { enum: [...EVENT_TYPES] }),
  outcome: text('Whether it was done, refused, or tried in vain.', { enum: ['success', 'denied', 'failed'] }),
  actor: ACTOR,
  resource: object('What it was done to.', { type: text('What kind of thing it is.'), id: text('Its id.') }),
  before: fields('The changed fields before: ids, never names, addresses or attributes.'),
  after: fields('The changed fields after.'),
  reason: orNull('Why.'),
  requestId: orNull('The request that did it.'),
  traceId: orNull('The W3C trace that it is part of.'),
  clientIp: orNull('Where the request came from.'),
});

/** What each header of an event is; which there are is asked of the code that makes them. */
const EVENT_HEADERS: Record<string, Json> = {
  'content-type': text('Always `application/json`.', { const: 'application/json' }),
  ce_specversion: text('The version of CloudEvents.', { const: '1.0' }),
  ce_id: uuid('The id of the event; the same one again is the same event.'),
  ce_type: text('What happened.', { enum: [...EVENT_TYPES] }),
  ce_source: text('Where events of this system come from.'),
  ce_subject: text('What it was done to: `<type>/<id>`.'),
  ce_time: instant('When it happened.'),
  ce_sequence: text('Its place in the chain.', { pattern: '^[1-9][0-9]*$' }),
  ce_prevhash: hash('The hash of the event before.'),
  ce_hash: hash('SHA-256 of the 32 bytes of `ce_prevhash` followed by the bytes of the value.'),
};

const USAGE = object(
  'Use of a grant, or of whichever grants could have allowed it: named by `grantId`, or by a principal and an asset.',
  {
    sender: text('Whose `eventId` it is.', { maxLength: 256 }),
    eventId: text("The sender's own; the same one again counts once.", { maxLength: 200 }),
    grantId: uuid('The grant.'),
    principalId: uuid('Who used it, by id.'),
    principalSource: text('Who used it, by the id in its source: the source.'),
    principalExternalId: text('Who used it, by the id in its source: the id.'),
    assetId: uuid('What was used, by id.'),
    assetSource: text('What was used, by the id in its source: the source.'),
    assetExternalId: text('What was used, by the id in its source: the id.'),
    permission: text('Which permission was used; any where it is left out.'),
    usedAt: instant('When; up to five minutes ahead of the clock is taken.'),
    count: { type: 'integer', minimum: 1, description: 'How many uses it stands for; one where it is left out.' },
  },
  ['grantId', 'principalId', 'principalSource', 'principalExternalId', 'assetId', 'assetSource', 'assetExternalId', 'permission', 'count'],
);

const DEAD_LETTER_HEADERS = object('The headers of the message as it was, and why it could not be taken.', {
  'dlq-reason': text('Why no repetition will make it right.'),
  'dlq-topic': text('Where it was.'),
  'dlq-partition': text('In which partition.'),
  'dlq-offset': text('At which offset.'),
  'dlq-group': text('Which consumer group could not take it.'),
  'dlq-time': instant('When it was put here.'),
});

/** Any one of them, as `API_KAFKA_SASL_MECHANISM` says. */
const SASL: Json = {
  plain: { type: 'plain', description: 'SASL PLAIN, over TLS.' },
  scramSha256: { type: 'scramSha256', description: 'SASL SCRAM-SHA-256.' },
  scramSha512: { type: 'scramSha512', description: 'SASL SCRAM-SHA-512.' },
};
const SECURITY = Object.keys(SASL).map((name) => ({ $ref: `#/components/securitySchemes/${name}` }));

interface Described {
  name: string;
  title: string;
  description: string;
  message: Json;
  /** What this system does with it. */
  operations: { id: string; action: 'send' | 'receive'; summary: string; description: string }[];
}

const deadLetters = (topic: string, name: string): Described => ({
  name,
  title: `Dead letters of ${topic}`,
  description: `Messages of ${topic} that no repetition will make right, as they were, with the reason in their headers.`,
  message: { title: 'Dead letter', headers: DEAD_LETTER_HEADERS, payload: { description: 'Whatever the message was.' } },
  operations: [
    { id: `bury${name}`, action: 'send', summary: 'Put a message aside', description: 'A message that cannot be taken stops no other.' },
  ],
});

const DESCRIBED: Record<string, Described> = {
  [EVENTS_TOPIC]: {
    name: 'Events',
    title: 'Every event of the product',
    description: 'Key: the id of the resource, so that the events of one resource stay in order. Delivered at least once.',
    message: { title: 'Event', headers: eventHeaders(), payload: EVENT },
    operations: [
      {
        id: 'publishEvent',
        action: 'send',
        summary: 'Publish an event',
        description: 'By the relay, once the event has its place in the chain.',
      },
      {
        id: 'logEvent',
        action: 'receive',
        summary: 'Log an event',
        description: 'By the audit sink, group `audit-sink`, into ClickHouse.',
      },
    ],
  },
  [USAGE_TOPIC]: {
    name: 'Usage',
    title: 'Uses of grants',
    description: 'From connectors, and from POST /v1/grants/usage. Key: what the use is about.',
    message: { title: 'Use', payload: USAGE },
    operations: [
      {
        id: 'takeUsage',
        action: 'receive',
        summary: 'Take a use into account',
        description: 'By the decay engine, which keeps scores by it.',
      },
    ],
  },
  [deadLetterTopic(EVENTS_TOPIC)]: deadLetters(EVENTS_TOPIC, 'DeadEvents'),
  [deadLetterTopic(USAGE_TOPIC)]: deadLetters(USAGE_TOPIC, 'DeadUsage'),
};

/** The AsyncAPI 3 document of the topics: which there are, with what settings, and what their messages hold. */
export function createAsyncApiDocument(): Json {
  const described = TOPICS.map((spec) => ({ spec, ...describedTopic(spec) }));
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Access governance events',
      version: '1.0.0',
      description: 'What the access-governance gateway publishes to Kafka, and what it takes from there.',
      contact: { name: 'Platform team', url: 'https://example.org/access-governance', email: 'platform@example.org' },
      license: { name: 'Proprietary', url: 'https://example.org/access-governance/license' },
      tags: [{ name: 'access-governance', description: 'Who may touch what, and the proof of it.' }],
    },
    defaultContentType: 'application/json',
    servers: {
      kafka: {
        host: 'kafka.example.org:9092',
        protocol: 'kafka-secure',
        description: 'The brokers of `API_KAFKA_BOOTSTRAP`.',
        security: SECURITY,
      },
    },
    channels: Object.fromEntries(described.map(({ spec, ...topic }) => [topic.name, channel(spec, topic)])),
    operations: Object.fromEntries(described.flatMap(({ name, operations }) => operations.map((each) => operation(name, each)))),
    components: {
      securitySchemes: SASL,
      messages: Object.fromEntries(described.map(({ name, message }) => [name, { name, contentType: 'application/json', ...message }])),
    },
  };
}

function describedTopic({ name }: TopicSpec): Described {
  const topic = DESCRIBED[name];
  if (!topic) throw new Error(`The topic ${name} is not described.`);
  return topic;
}

function channel({ name: address, partitions, retentionMs }: TopicSpec, { name, title, description }: Described): Json {
  const topicConfiguration = { 'cleanup.policy': ['delete'], 'retention.ms': retentionMs };
  return {
    address,
    title,
    description,
    servers: [{ $ref: '#/servers/kafka' }],
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
    bindings: { kafka: { topic: address, partitions, topicConfiguration, bindingVersion: '0.5.0' } },
  };
}

function operation(name: string, { id, action, summary, description }: Described['operations'][number]): [string, Json] {
  const [at, messages] = [{ $ref: `#/channels/${name}` }, [{ $ref: `#/channels/${name}/messages/${name}` }]];
  return [id, { action, channel: at, summary, description, security: SECURITY, messages }];
}

/** @throws Error where the code sends a header that is not described, or the other way round */
function eventHeaders(): Json {
  const canonical = JSON.stringify({ id: ID, action: EVENT_TYPES[0], time: TIME, resource: { type: 'grant', id: ID } });
  const sent = Object.keys(eventMessage({ sequence: 1, prevHash: HASH, hash: HASH, canonical }).headers);
  const described = Object.keys(EVENT_HEADERS);
  if (sent.join() !== described.join()) throw new Error(`Headers sent: ${sent.join()}; described: ${described.join()}.`);
  return object('A CloudEvent 1.0 in the binary mode of the Kafka protocol binding.', EVENT_HEADERS);
}
