import pg from 'pg';
import { roundToCents } from '#libs/decay-model/decay-model.js';
import { toCents } from '#libs/scoring/rounding.js';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';

/** Every tie from 0 to 100, once as near as a double comes to it and once a bit to either side, and what lies between. */
function values(): number[] {
  const ties = Array.from({ length: 10_000 }, (_, index) => (index * 10 + 5) / 1_000);
  const sevenths = Array.from({ length: 10_000 }, (_, index) => (index * 100) / 70_007);
  const beside = ties.flatMap((tie) => [tie * (1 - Number.EPSILON), tie * (1 + Number.EPSILON), tie * (1 - 1e-13), tie * (1 - 1e-12)]);
  return [0, 1e-300, 1e-7, 0.000999999999999999, 0.001, 100, ...ties, ...beside, ...sevenths];
}

describe('rounding to 2 decimals', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createEmptyDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it('is the same in the model as in a query of PostgreSQL', async () => {
    const sent = values();
    const { rows } = await client.query<{ rounded: number }>(
      `SELECT ${toCents('value')} AS rounded FROM unnest($1::float8[]) WITH ORDINALITY AS sent (value, place) ORDER BY place`,
      [sent],
    );
    const different = sent.filter((value, index) => roundToCents(value) !== rows[index]?.rounded);
    expect(different).toEqual([]);
    expect(rows).toHaveLength(sent.length);
  });

  it('goes to the nearer of two hundredths, and up where both are as near', () => {
    const far = values().filter((value) => Math.abs(roundToCents(value) - value) > 0.005 + 1e-10);
    expect(far).toEqual([]);
    for (let tie = 5; tie < 100_000; tie += 10) expect(roundToCents(tie / 1_000)).toBe((tie + 5) / 1_000);
  });
});
