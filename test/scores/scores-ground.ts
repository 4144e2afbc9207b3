import type supertest from 'supertest';
import { ClickHouseServer } from '../support/clickhouse-server.js';
import { factories } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { EngineProcess } from './engine-process.js';

export const DAY_MS = 86_400_000;

/** An instant so many days before now. */
export function daysAgo(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString();
}

/** Gateway, decay engine, ClickHouse and a database of their own. */
export interface ScoresGround {
  gateway: TestGateway;
  http: ReturnType<typeof supertest>;
  make: ReturnType<typeof factories>;
  clickhouse: ClickHouseServer;
  engine: EngineProcess;
  /** What a further engine on the same parts is started with. */
  environment: Record<string, string>;
  close(): Promise<void>;
}

export async function startScoresGround(
  options: { environment?: Record<string, string>; auth?: 'dev' | 'azure_ad' } = {},
): Promise<ScoresGround> {
  const clickhouse = await ClickHouseServer.start();
  const shared = { API_CLICKHOUSE_URL: clickhouse.url(), API_KAFKA_BOOTSTRAP: 'in-process', ...options.environment };
  const gateway = await startTestGateway({ auth: options.auth, environment: shared });
  const environment = { ...shared, API_DATABASE_URL: gateway.database.url };
  const engine = await EngineProcess.start(environment);
  return {
    gateway,
    ...{ http: gateway.http, make: factories(gateway.http), clickhouse, engine, environment },
    close: async () => {
      await engine.stop();
      await gateway.close();
      await clickhouse.remove();
    },
  };
}

let events = 0;

/** An event id that no other event of this process has. */
export const nextEventId = (): string => `event-${process.pid}-${++events}`;

/** Reports uses and expects that all of them are taken. */
export async function report(http: ScoresGround['http'], uses: readonly object[]): Promise<void> {
  const response = await http.post('/v1/grants/usage').send({ events: uses.map((use) => ({ eventId: nextEventId(), ...use })) });
  if (response.status !== 202 || (response.body as { rejected: number }).rejected > 0)
    throw new Error(`${response.status} ${response.text}`);
}
