import { contest } from '../../bench/load/contest.js';
import { PEERS, PeersGround } from '../../bench/peers/ground.js';
import { assertSamePage } from '../../bench/peers/pages.js';
import { ask, pageSides, shortAnswerSides, staticSides, writeSides } from '../../bench/peers/sides.js';
import { requestBytes } from '../../bench/load/http-connection.js';

const TURN = { rounds: 1, seconds: 0.1, warmUpRequests: 1, connections: 2 };

describe('the benchmark of the peers', () => {
  let ground: PeersGround;

  // The first run installs the peer that is Python's.
  beforeAll(async () => {
    ground = await PeersGround.start({ scores: 300, poolSize: 2 });
  }, 400_000);
  afterAll(() => ground?.close());

  it('starts every peer, and each answers the rows that the gateway does', async () => {
    const sides = await pageSides(ground);
    // Without Python there is a line that says so, and one peer less; with CI=true that is a failure.
    const expected = PEERS.filter((name) => name !== 'fastapi' || ground.peers.has('fastapi'));
    expect(sides.map(({ name }) => name)).toEqual(['gateway', ...expected]);
    const standings = await contest(sides, TURN);
    expect(standings.every(({ perSecond }) => perSecond.median > 0)).toBe(true);
  });

  it('fails at a body that is wrong', async () => {
    const { url } = ground.peers.get('express')!;
    const [shorter, right] = await Promise.all([49, 50].map((limit) => ask(url, requestBytes(url, 'GET', `/scores?limit=${limit}`))));
    expect(() => assertSamePage('express', right!.body, right!.body)).not.toThrow();
    expect(() => assertSamePage('express', shorter!.body, right!.body)).toThrow('49 rows');
    const other = Buffer.from(right!.body.toString().replace(/"score":[0-9.]+/, '"score":-1'));
    expect(() => assertSamePage('express', other, right!.body)).toThrow('Row 0');
    const [side] = await pageSides(ground);
    await expect(contest([{ ...side!, wrong: () => 'Another body' }], TURN)).rejects.toThrow('Another body');
  });

  it('loads the other comparisons too: what is static, what is short, and what is written', async () => {
    for (const sides of [staticSides(ground), await shortAnswerSides(ground), writeSides(ground)]) {
      const standings = await contest(sides, TURN);
      expect(standings.every(({ perSecond }) => perSecond.median > 0)).toBe(true);
    }
  });
});
