import pg from 'pg';
import { loadConnectorConfig } from '#apps/connector-postgres/src/connector.config.js';
import { run, type RunSummary } from '#apps/connector-postgres/src/run.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { PostgresServer } from '../support/postgres-server.js';
import { TestIssuer } from '../support/test-issuer.js';
import { GatewayProcess } from './gateway-process.js';
import { differences, reach, subjects, truth } from './oracle.js';
import { carryOut, RoleGraph, TABLE_PRIVILEGES } from './role-graph.js';

const TABLE_RIGHTS: ReadonlySet<string> = new Set(TABLE_PRIVILEGES);
/** What a run says of itself where nothing is wrong: that it is forced, and that it is the first to look at use. */
const EXPECTED_WARNING = /CONNECTOR_FORCE|^Use is observed from now on|^pg_stat_statements\.track is top/;
const NEVER = new AbortController().signal;

/** What the gateway lists, as far as these tests look at it. */
export interface Listed {
  id: string;
  displayName: string;
  name: string;
  externalId: string;
  status: string;
  permission: string;
  principalId: string;
  assetId: string;
  revokeReason: string | null;
}

/** A PostgreSQL server to be read, and a gateway with an issuer of its own that takes connectors for their own source alone. */
export class Landscape {
  private readonly tokens = new Map<string, string>();

  private constructor(
    readonly target: PostgresServer,
    /** A superuser at the target. */
    public client: pg.Client,
    readonly gateway: GatewayProcess,
    readonly issuer: TestIssuer,
    readonly database: TestDatabase,
    /** What the gateway was started with, for other apps beside it. */
    readonly environment: Record<string, string>,
  ) {}

  static async start(): Promise<Landscape> {
    const [target, database, issuer] = await Promise.all([
      PostgresServer.start({ binaries: process.env['TEST_TARGET_POSTGRES_BIN'] }),
      createTestDatabase(),
      TestIssuer.start(),
    ]);
    const client = new pg.Client({ connectionString: target.url() });
    await client.connect();
    const environment = {
      ...issuer.environment,
      API_DATABASE_URL: database.url,
      // Nobody listens there, and nothing of this needs anybody to.
      API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none',
      API_KAFKA_BOOTSTRAP: 'in-process',
    };
    const gateway = await GatewayProcess.start(environment);
    return new Landscape(target, client, gateway, issuer, database, environment);
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.client.end();
    await Promise.all([this.target.remove(), this.issuer.close(), this.database.drop()]);
  }

  /** The variables of a connector that may write nothing but this source. */
  variables(source: string, more: Record<string, string> = {}): Record<string, string> {
    return {
      CONNECTOR_TARGET_URL: this.target.url(),
      CONNECTOR_GATEWAY_URL: this.gateway.url,
      CONNECTOR_TOKEN: this.token(source),
      CONNECTOR_SOURCE: source,
      ...more,
    };
  }

  /** The one identity of the connector of a source. */
  token(source: string): string {
    const token = this.tokens.get(source) ?? this.issuer.tokenFor({ roles: [`governance.connector:${source}`], app: true });
    this.tokens.set(source, token);
    return token;
  }

  /** One run in this process, which has to end well. */
  async synchronise(source: string, more: Record<string, string> = {}): Promise<RunSummary> {
    const warnings: string[] = [];
    const summary = await this.run(source, more, warnings);
    const unexpected = warnings.filter((line) => !EXPECTED_WARNING.test(line));
    expect({ ...summary, unexpected }).toMatchObject({ outcome: 'done', reason: null, failures: 0, unexpected: [] });
    return summary;
  }

  /** One run in this process, however it ends. */
  run(source: string, more: Record<string, string> = {}, warnings: string[] = []): Promise<RunSummary> {
    const { config } = loadConnectorConfig(this.variables(source, more));
    return run(config, NEVER, (line) => warnings.push(line));
  }

  /** One call of the gateway, which has to succeed. */
  async call<T>(method: string, path: string, body: object | undefined, token: string): Promise<T> {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) };
    const response = await fetch(this.gateway.url + path, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  /** Every item of a list, as this connector may see it. */
  async list<T = Listed>(source: string, path: string): Promise<T[]> {
    const headers = { authorization: `Bearer ${this.token(source)}` };
    const items: T[] = [];
    for (let next: string | null = `${path}${path.includes('?') ? '&' : '?'}limit=100`; next !== null;) {
      const response: Response = await fetch(this.gateway.url + next, { headers });
      if (!response.ok) throw new Error(`${next} answered ${response.status}: ${await response.text()}`);
      items.push(...((await response.json()) as { items: T[] }).items);
      next = /<([^>]*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? null;
    }
    return items;
  }

  /** What the gateway says that these roles reach; a role is the active principal of its name. */
  async reached(source: string, roles: readonly string[]): Promise<Set<string>> {
    const answer = new Set<string>();
    const principals = await this.list(source, `/v1/principals?source=${source}&status=active`);
    for (const role of roles) {
      const { id } = principals.find(({ displayName }) => displayName === role)!;
      const items = await this.list<{ assetName: string; permission: string }>(source, `/v1/principals/${id}/access`);
      for (const { assetName, permission } of items) if (TABLE_RIGHTS.has(permission)) answer.add(reach(role, assetName, permission));
    }
    return answer;
  }

  /** The gateway says of every role, table and privilege what PostgreSQL says. Answers how many privileges are reached. */
  async expectTruth(source: string): Promise<number> {
    const expected = await truth(this.client);
    expect(differences(expected, await this.reached(source, await subjects(this.client)))).toEqual({ missing: [], tooMuch: [] });
    return expected.size;
  }

  /** A graph at the target for as long as the work lasts. */
  async withGraph(seed: number, work: (graph: RoleGraph) => Promise<void>): Promise<void> {
    const graph = new RoleGraph(seed);
    await carryOut(this.client, graph.statements);
    try {
      await work(graph);
    } finally {
      for (const statement of graph.cleanUp()) await this.client.query(statement);
    }
  }
}
