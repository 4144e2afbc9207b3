import { ClickHouseServer } from './support/clickhouse-server.js';
import { KafkaServer } from './support/kafka-server.js';
import { runJest } from './support/run-jest.js';

/*
 * `npm run test:real [-- paths]`: the whole suite with a real broker and ClickHouse over HTTP behind every gateway and every system, where
 * `npm test` takes the in-process pair for all that does not say otherwise.
 */

const [kafka, clickhouse] = await Promise.all([KafkaServer.start(), ClickHouseServer.start()]);
process.exitCode = runJest(process.argv.slice(2), {
  TEST_PARTS: 'real',
  TEST_KAFKA_BOOTSTRAP: kafka.bootstrap,
  TEST_CLICKHOUSE_URL: clickhouse.url(),
});
await Promise.all([kafka.remove(), clickhouse.remove()]);
