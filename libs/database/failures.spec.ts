import pg from 'pg';
import { QueryFailedError, QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { UnavailableError } from '#libs/errors/errors.js';
import { asFailure, isDatabaseAway, mayRunAgain, violatedForeignKey, violatedUnique } from './failures.js';

function fromDriver(members: { code?: string; constraint?: string }, message = 'failed'): QueryFailedError {
  return new QueryFailedError('SELECT 1', [], Object.assign(new Error(message), members));
}

const AWAY_CODES = [
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  '57014',
  '53300',
  '53100',
  '08006',
  '08001',
  '25006',
  '25P03',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
];
const CODES_OF_CALLERS = ['23505', '23503', '22P02', '42P01', '42601', '40001', '40P01', '22021'];

describe('a failure of the database', () => {
  it.each(AWAY_CODES)('with the code %s is its absence, whoever reports it', (code) => {
    expect(isDatabaseAway(fromDriver({ code }))).toBe(true);
    expect(isDatabaseAway(Object.assign(new Error('failed'), { code }))).toBe(true);
    expect(asFailure(fromDriver({ code }))).toBeInstanceOf(UnavailableError);
  });

  it.each(CODES_OF_CALLERS)('with the code %s is not its absence, and stays what it is', (code) => {
    const error = fromDriver({ code });
    expect(isDatabaseAway(error)).toBe(false);
    expect(asFailure(error)).toBe(error);
  });

  it('is its absence where the connection broke between two statements', () => {
    const released = [new QueryRunnerAlreadyReleasedError(), new QueryRunnerProviderAlreadyReleasedError()];
    expect(released.map(isDatabaseAway)).toEqual([true, true]);
  });

  it('is its absence where the driver only has words for it', async () => {
    const pool = new pg.Pool({ connectionString: 'postgresql://u:p@127.0.0.1:9/d' });
    const refused = await pool.query('SELECT 1').catch((error: unknown) => error);
    await pool.end();
    const ended = await pool.query('SELECT 1').catch((error: unknown) => error);
    expect([refused, ended].map(isDatabaseAway)).toEqual([true, true]);
    expect(isDatabaseAway(new Error('timeout exceeded when trying to connect'))).toBe(true);
    expect(isDatabaseAway(new Error('Connection terminated unexpectedly'))).toBe(true);
  });

  it('is none where nothing of the database failed', () => {
    expect([new TypeError('x is not a function'), 'text', null, undefined].map(isDatabaseAway)).toEqual([false, false, false, false]);
  });

  it('names the constraint that a write ran into', () => {
    expect(violatedUnique(fromDriver({ code: '23505', constraint: 'grants_active_unique' }))).toBe('grants_active_unique');
    expect(violatedForeignKey(fromDriver({ code: '23503', constraint: 'grants_asset_exists' }))).toBe('grants_asset_exists');
    expect(violatedUnique(fromDriver({ code: '23503', constraint: 'grants_asset_exists' }))).toBeNull();
    expect(violatedForeignKey(fromDriver({ code: '23505', constraint: 'grants_active_unique' }))).toBeNull();
  });

  it('is worth another try only where the whole transaction was given up for another', () => {
    const again = ['40001', '40P01', '23505', '57P01'].map((code) => mayRunAgain(fromDriver({ code })));
    expect(again).toEqual([true, true, false, false]);
  });
});
