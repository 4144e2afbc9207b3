import { Test } from '@nestjs/testing';
import { ConfigModule } from '@nestjs/config';
import type { ClickHouseClient } from '@clickhouse/client';
import { ClickHouseServer } from '../../test/support/clickhouse-server.js';
import { CLICKHOUSE, ClickHouseModule } from './clickhouse.module.js';
import { createClickHouse, pingClickHouse } from './clickhouse.js';

describe('a ClickHouse that goes away', () => {
  let server: ClickHouseServer;
  let client: ClickHouseClient;

  beforeAll(async () => {
    server = await ClickHouseServer.start();
    client = createClickHouse(server.url());
  });
  afterAll(async () => {
    await client?.close();
    await server?.remove();
  });

  it('is there again with its data after it was killed, for the same client', async () => {
    await client.command({ query: 'CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a' });
    await client.insert({ table: 'kept', values: [{ a: 1 }], format: 'JSONEachRow' });
    await server.kill();
    await expect(client.query({ query: 'SELECT 1' })).rejects.toThrow('ECONNREFUSED');
    await expect(pingClickHouse(client)).rejects.toThrow('ECONNREFUSED');
    await server.restart();
    const result = await client.query({ query: 'SELECT a FROM kept', format: 'JSONEachRow' });
    expect(await result.json()).toEqual([{ a: 1 }]);
  });

  it('fails a ping within its bound when it hangs', async () => {
    server.pause();
    try {
      const started = performance.now();
      await expect(pingClickHouse(client, 300)).rejects.toThrow();
      expect(performance.now() - started).toBeLessThan(2_000);
    } finally {
      server.resume();
    }
    await expect(pingClickHouse(client)).resolves.toBeUndefined();
  });

  it('fails a ping when the password is wrong', async () => {
    const url = new URL(server.url());
    url.password = 'wrong';
    const stranger = createClickHouse(url.href);
    await expect(pingClickHouse(stranger)).rejects.toMatchObject({ type: 'AUTHENTICATION_FAILED' });
    await stranger.close();
  });

  it('neither stops nor delays the start of an app', async () => {
    const config = ConfigModule.forRoot({
      ignoreEnvFile: true,
      isGlobal: true,
      load: [() => ({ clickhouseUrl: 'http://127.0.0.1:9/gone' })],
    });
    const app = await Test.createTestingModule({ imports: [config, ClickHouseModule] }).compile();
    await app.init();
    await expect(pingClickHouse(app.get<ClickHouseClient>(CLICKHOUSE))).rejects.toThrow();
    await app.close();
  });
});
