import pg from 'pg';
import { migrate } from '#libs/database/migrate.js';
import { pythonTool } from '../../test/contract/outside-tools.js';
import { loadScores } from '../../test/scores/many-scores.js';
import { PostgresServer } from '../../test/support/postgres-server.js';
import { TestIssuer } from '../../test/support/test-issuer.js';
import { startGateway } from '../load/loaded-gateway.js';
import { MeasuredProcess } from '../load/measured-process.js';

/** The versions of peer (a): the current ones when this was written, all fixed so that runs compare. */
const FASTAPI = 'fastapi==0.165.0 pydantic==2.14.3 sqlalchemy[asyncio]==2.1.9 asyncpg==0.32.0 uvicorn[standard]==0.54.0';

export const PEERS = ['fastapi', 'express', 'nest', 'node'] as const;
export type PeerName = (typeof PEERS)[number];

/** One PostgreSQL with scores in it, the gateway as in production, and its peers, each a process of its own with as many connections. */
export class PeersGround {
  private constructor(
    private readonly postgres: PostgresServer,
    readonly issuer: TestIssuer,
    readonly gateway: MeasuredProcess,
    /** The peers that this machine can have; `fastapi` is absent without Python. */
    readonly peers: ReadonlyMap<PeerName, MeasuredProcess>,
  ) {}

  static async start({ scores, poolSize }: { scores: number; poolSize: number }): Promise<PeersGround> {
    const settings = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '512MB', max_wal_size: '4GB' };
    const postgres = await PostgresServer.start({ settings });
    const started: MeasuredProcess[] = [];
    const issuer = await TestIssuer.start();
    try {
      await fill(postgres.url(), scores);
      const gateway = await startGateway(postgres.url(), poolSize, issuer);
      started.push(gateway);
      const peers = new Map<PeerName, MeasuredProcess>();
      for (const name of PEERS) {
        const peer = await startPeer(name, postgres.url(), poolSize);
        if (!peer) continue;
        started.push(peer);
        peers.set(name, peer);
      }
      return new PeersGround(postgres, issuer, gateway, peers);
    } catch (error) {
      await Promise.all(started.map((server) => server.stop()));
      await issuer.close();
      await postgres.remove();
      throw error;
    }
  }

  get databaseUrl(): string {
    return this.postgres.url();
  }

  async close(): Promise<void> {
    await Promise.all([this.gateway, ...this.peers.values()].map((server) => server.stop()));
    await this.issuer.close();
    await this.postgres.remove();
  }
}

async function fill(url: string, scores: number): Promise<void> {
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await loadScores(client, scores);
    await client.query(
      `UPDATE scores SET next_band_at = computed_at + random() * interval '60 days' WHERE band <> 'dormant' OR score < 90`,
    );
    // A principal's own columns, checks and indexes, without the trigger that keeps its history: what a bare INSERT is.
    await client.query('CREATE TABLE bare_principals (LIKE principals INCLUDING ALL)');
    await client.query('VACUUM FULL scores');
    await client.query('VACUUM ANALYZE');
  } finally {
    await client.end();
  }
}

async function startPeer(name: PeerName, databaseUrl: string, poolSize: number): Promise<MeasuredProcess | null> {
  const environment = (port: number): Record<string, string> => ({
    ...{ NODE_ENV: 'production', PYTHONDONTWRITEBYTECODE: '1', PORT: String(port), DATABASE_URL: databaseUrl, POOL_SIZE: String(poolSize) },
  });
  const start = (...command: [string, ...string[]]): Promise<MeasuredProcess> =>
    MeasuredProcess.start(command, { environment, ready: '/scores?limit=1' });
  switch (name) {
    case 'fastapi': {
      const python = await pythonTool(FASTAPI);
      if (!python) return null;
      const uvicorn = python.bin('uvicorn');
      return start(
        uvicorn,
        '--app-dir',
        'bench/peers',
        '--port',
        '{port}',
        '--no-access-log',
        '--log-level',
        'warning',
        'fastapi_peer:app',
      );
    }
    case 'express':
      return start(process.execPath, 'dist/bench/peers/express-pg.js');
    case 'nest':
      return start(process.execPath, 'dist/bench/peers/nest-typeorm.js');
    case 'node':
      return start(process.execPath, 'dist/bench/peers/node-json.js');
  }
}
