import { GatewayProcess } from '../support/gateway.js';

const started: GatewayProcess[] = [];

/** A gateway on a database that a spec stops, fills or shares between gateways. */
export async function startGateway(databaseUrl: string, environment: Record<string, string> = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start({
    API_DATABASE_URL: databaseUrl,
    API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none',
    API_KAFKA_BOOTSTRAP: 'in-process',
    API_AUTH_MODE: 'dev',
    ...environment,
  });
  started.push(gateway);
  return gateway;
}

/** For `afterEach` or `afterAll`: ends every gateway that still runs, however the test ended. */
export async function endGateways(): Promise<void> {
  await Promise.all(started.splice(0).map((gateway) => gateway.stop('SIGKILL')));
}
