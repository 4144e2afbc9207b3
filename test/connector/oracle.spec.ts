import { scaled } from '../support/scale.js';
import { ConnectorProcess } from './connector-process.js';
import { GatewayProxy } from './gateway-proxy.js';
import { Landscape } from './landscape.js';
import { carryOut, Random } from './role-graph.js';

const GRAPHS_TOGETHER = 10;

let landscape: Landscape;

beforeAll(async () => {
  landscape = await Landscape.start();
}, 60_000);

afterAll(() => landscape.stop());

function batches(count: number): { seeds: number[]; from: number; to: number }[] {
  const seeds = Array.from({ length: count }, (_, index) => 1 + index);
  const starts = seeds.filter((_, index) => index % GRAPHS_TOGETHER === 0);
  return starts.map((from) => {
    const batch = seeds.slice(from - 1, from - 1 + GRAPHS_TOGETHER);
    return { seeds: batch, from, to: batch.at(-1)! };
  });
}

describe('the access of a live PostgreSQL server at the gateway', () => {
  it.each(batches(scaled(200)))(
    'is what has_table_privilege says, before and after changes, and a second run changes nothing: role graphs $from to $to',
    async ({ seeds, from }) => {
      // Each graph takes the place of the one before, under one source: a run has ends as well as beginnings.
      const source = `graphs-${from}`;
      let reached = 0;
      for (const seed of seeds) {
        await landscape.withGraph(seed, async (graph) => {
          await landscape.synchronise(source, { CONNECTOR_FORCE: 'on' });
          await landscape.expectTruth(source);
          expect((await landscape.synchronise(source)).changes).toBe(0);
          await carryOut(landscape.client, graph.evolve(10));
          await landscape.synchronise(source, { CONNECTOR_FORCE: 'on' });
          reached += await landscape.expectTruth(source);
        });
      }
      // Before version 17 a table has a privilege less.
      expect(reached).toBeGreaterThan(50 * seeds.length);
    },
    300_000,
  );

  it.each(Array.from({ length: scaled(20) }, (_, index) => 5_000 + index))(
    'is completed by the next run when one was killed at a random write: role graph %i',
    async (seed) => {
      const proxy = await GatewayProxy.start(landscape.gateway.url);
      const random = new Random(seed);
      const source = `killed-${seed}`;
      const variables = landscape.variables(source, { CONNECTOR_GATEWAY_URL: proxy.url, CONNECTOR_FORCE: 'on' });
      try {
        // Half of the runs that are killed have another graph to end first.
        if (random.chance(0.5)) await landscape.withGraph(seed + 1_000, () => landscape.synchronise(source).then(() => undefined));
        await landscape.withGraph(seed, async () => {
          const connector = ConnectorProcess.start(variables);
          proxy.cutAt(random.integer(1, 30), random.chance(0.5), () => connector.kill('SIGKILL'));
          expect(await connector.end()).toMatchObject({ code: null, summaries: [] });
          expect((await landscape.synchronise(source, { CONNECTOR_FORCE: 'on' })).changes).toBeGreaterThan(0);
          await landscape.expectTruth(source);
          expect((await landscape.synchronise(source)).changes).toBe(0);
        });
      } finally {
        await proxy.close();
      }
    },
    60_000,
  );
});
