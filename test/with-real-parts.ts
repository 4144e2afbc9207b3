import { spawnSync } from 'node:child_process';
import { ClickHouseServer } from './support/clickhouse-server.js';
import { KafkaServer } from './support/kafka-server.js';

/*
 * `npm run test:real [-- paths]`: the whole suite with a real broker and ClickHouse over HTTP behind every gateway and every system, where
 * `npm test` takes the in-process pair for all that does not say otherwise.
 */

const [kafka, clickhouse] = await Promise.all([KafkaServer.start(), ClickHouseServer.start()]);
const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', ...process.argv.slice(2)];
const env = { ...process.env, TEST_PARTS: 'real', TEST_KAFKA_BOOTSTRAP: kafka.bootstrap, TEST_CLICKHOUSE_URL: clickhouse.url() };
const { status } = spawnSync(process.execPath, jest, { stdio: 'inherit', env });
await Promise.all([kafka.remove(), clickhouse.remove()]);
process.exitCode = status ?? 1;
