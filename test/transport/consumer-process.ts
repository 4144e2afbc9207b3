/**
 * A consumer in a process of its own, which a spec kills or freezes:
 *
 *     node consumer-process.js kafka|in-process <bootstrap or database URL> <topic> <group>
 *
 * Prints `taking <values>` for each batch, and finishes it when it is sent a line on its standard input, with `took <values>`.
 */
import { Logger } from '@nestjs/common';
import { createInterface } from 'node:readline';
import { BatchServer } from '#libs/kafka/batch.server.js';
import { InProcessBroker } from '#libs/kafka/in-process.broker.js';
import { KafkaClient } from '#libs/kafka/kafka.client.js';
import type { InboundMessage } from '#libs/kafka/message.js';

const [kind, url = '', topic = '', group = ''] = process.argv.slice(2);
Logger.overrideLogger(false);

const broker =
  kind === 'kafka'
    ? new KafkaClient({ brokers: [url], clientId: 'consumer-process', topics: [], consumer: { lingerMs: 50, sessionTimeoutMs: 3_000 } })
    : new InProcessBroker(url, { pollMs: 20 });
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function take(messages: InboundMessage[]): Promise<void> {
  const values = messages.map(({ value }) => value).join(',');
  process.stdout.write(`taking ${values}\n`);
  await lines.next();
  process.stdout.write(`took ${values}\n`);
}

const server = new BatchServer(broker, group);
server.addHandler(topic, take as never, true);
server.listen(() => undefined);
