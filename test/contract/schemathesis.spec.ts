import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scaled } from '../support/scale.js';
import { type LiveGateway, startLiveGateway } from './live-gateway.js';
import { type OutsideTool, pythonTool } from './outside-tools.js';

const EXAMPLES_PER_OPERATION = 500;
const THINGS = 40;

/** What a gateway alone has nothing to show of: the log and the files of reports are the worker's, the scores the engine's. */
const EMPTY_ALONE = ['GET /v1/audit/{id}', 'GET /v1/scores/{grantId}', 'GET /v1/reports/{id}/download'];

/** A review goes step by step, each only in the state that the one before it leaves: generated requests are answered, but seldom carried out. */
const isStepOfReview = (operation: string): boolean => operation === 'POST /v1/reviews' || operation.includes(' /v1/reviews/');
const TIMEOUT_MS = 4 * 3_600_000;

/** Things for the generated requests to be about; their ids by the names that the hooks expect, as JSON. */
async function makeThings(gateway: LiveGateway): Promise<string> {
  const make = async (path: string, body: object): Promise<string> => {
    const headers = { authorization: `Bearer ${gateway.token()}`, 'content-type': 'application/json' };
    const answer = await fetch(`${gateway.url}/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (answer.status !== 201 && answer.status !== 202) throw new Error(`POST ${path} answered ${answer.status}: ${await answer.text()}`);
    return ((await answer.json()) as { id: string }).id;
  };
  const times = (work: (index: number) => Promise<string>): Promise<string[]> =>
    Promise.all(Array.from({ length: THINGS }, (_, i) => work(i)));
  const principals = await times((i) => make('principals', { type: 'user', displayName: `Person ${i}` }));
  const groups = await times((i) => make('principals', { type: 'group', displayName: `Group ${i}` }));
  const assets = await times((i) => make('assets', { type: 'table', name: `Table ${i}`, sensitivity: 'internal' }));
  const grants = await times((i) =>
    make('grants', { principalId: principals[i], assetId: assets[i], permission: 'SELECT', privilege: 'read' }),
  );
  const day = new Date(Date.now() + 86_400_000).toISOString();
  const reviewers = { kind: 'assetOwner', fallbackReviewerId: principals[0] };
  const campaigns = await times((i) => make('reviews/campaigns', { name: `Campaign ${i}`, selector: {}, reviewers, dueAt: day }));
  const reports = await times(() => make('reports', { kind: 'access_listing', format: 'csv', parameters: {} }));
  const clock = { name: 'Every morning', kind: 'access_listing', format: 'csv', cron: '0 6 * * *' };
  const schedules = await times((i) => make('reports/schedules', { ...clock, name: `Schedule ${i}` }));
  return JSON.stringify({ principals: [...principals, ...groups], groups, assets, grants, campaigns, reports, schedules });
}

/** Every operation of the document, as `GET /v1/grants/{id}`. */
async function documentedOperations(gateway: LiveGateway): Promise<string[]> {
  const answer = await fetch(`${gateway.url}/v1/openapi.json`);
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, { operationId?: string }>> };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => operation.operationId !== undefined)
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
}

describe('the gateway and its OpenAPI document', () => {
  let schemathesis: OutsideTool;
  let gateway: LiveGateway | undefined;

  beforeAll(async () => {
    schemathesis = await pythonTool('schemathesis==4.32.5');
    if (schemathesis) gateway = await startLiveGateway();
  }, 400_000);

  afterAll(() => gateway?.close());

  it(
    'agree, whatever is sent: every check of schemathesis passes, no answer is 500, and each operation was carried out',
    async () => {
      if (!schemathesis || !gateway) return;
      const args = [
        '--config-file',
        join(import.meta.dirname, 'schemathesis.toml'),
        'run',
        `${gateway.url}/v1/openapi.json`,
        ...['--max-examples', String(scaled(EXAMPLES_PER_OPERATION)), '--continue-on-failure', '--no-color', '--workers', '2'],
      ];
      // It leaves what it has found out in its working directory.
      const folder = await mkdtemp(join(tmpdir(), 'contract-schemathesis-'));
      const hooks = { PYTHONPATH: import.meta.dirname, SCHEMATHESIS_HOOKS: 'schemathesis_hooks' };
      const env = {
        ...process.env,
        ...hooks,
        PYTHONDONTWRITEBYTECODE: '1',
        CONTRACT_TOKEN: gateway.token(12),
        CONTRACT_KNOWN: await makeThings(gateway),
      };
      const run = spawn(schemathesis.bin('schemathesis'), args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let report = '';
      run.stdout.setEncoding('utf8').on('data', (chunk: string) => (report += chunk));
      run.stderr.setEncoding('utf8').on('data', (chunk: string) => (report += chunk));
      const [exitCode] = (await once(run, 'close')) as [number | null];
      await rm(folder, { recursive: true });
      if (exitCode !== 0) throw new Error(`schemathesis ended with ${exitCode}:\n${report}\n${gateway.errors()}`);
      // A run whose requests were all refused at the door would have shown little.
      const carriedOut = gateway.carriedOut();
      const expected = (await documentedOperations(gateway)).filter(
        (operation) => !EMPTY_ALONE.includes(operation) && !isStepOfReview(operation),
      );
      const missed = expected.filter((operation) => !carriedOut.has(operation));
      // With few examples an operation may be left with refused ones alone, by chance; with all of them none is.
      const byChance = scaled(EXAMPLES_PER_OPERATION) < EXAMPLES_PER_OPERATION ? Math.ceil(expected.length / 5) : 0;
      expect(missed.slice(byChance)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
