import { Logger } from '@nestjs/common';
import { KEY_TIMES, SigningKeys, type KeyTimes } from '#libs/auth/signing-keys.js';
import { UnavailableError } from '#libs/errors/errors.js';
import { eventually } from '../support/eventually.js';
import { ISSUER_FAILURES, TestIssuer, type IssuerEndpoint } from '../support/test-issuer.js';

const HOUR_MS = 3_600_000;
const EVERY_FAILURE = (['metadata', 'keys'] as IssuerEndpoint[]).flatMap((endpoint) =>
  ISSUER_FAILURES.map((failure) => ({ endpoint, failure })),
);

describe('the signing keys of a tenant', () => {
  let issuer: TestIssuer;
  let keys: SigningKeys;
  let clock: number;
  const logged: string[] = [];
  const keep = (line: string): void => void logged.push(line);

  beforeAll(() => {
    Logger.overrideLogger({ log: keep, warn: keep, error: keep });
  });

  beforeEach(async () => {
    issuer = await TestIssuer.start();
    clock = 0;
    logged.length = 0;
  });

  afterEach(async () => {
    keys.stop();
    await issuer.close();
  });

  /** With a budget that a busy machine does not use up; a test of what hangs has one of its own. */
  function start(times: Partial<KeyTimes> = {}): SigningKeys {
    keys = new SigningKeys(issuer.authority, issuer.tenantId, { ...KEY_TIMES, budgetMs: 60_000, ...times }, () => clock);
    keys.start();
    return keys;
  }

  const total = (): number => issuer.fetches.metadata + issuer.fetches.keys;
  const isKnown = async (kid: string): Promise<boolean> => (await keys.find(kid)) !== null;

  it('are there for the first request, which waits for the load of the start', async () => {
    const key = await start().find(issuer.key.kid);
    expect(key?.equals(issuer.key.publicKey)).toBe(true);
    expect(issuer.fetches).toEqual({ metadata: 1, keys: 1 });
  });

  it.each(EVERY_FAILURE)(
    'are unavailable, and not unknown, while the $endpoint endpoint has only ever failed: $failure',
    async ({ endpoint, failure }) => {
      issuer.fail(failure, endpoint);
      start({ firstRetryMs: 10, budgetMs: 300 });
      await expect(keys.find(issuer.key.kid)).rejects.toThrow(UnavailableError);
      issuer.recover();
      await eventually(() => isKnown(issuer.key.kid));
    },
  );

  it.each(EVERY_FAILURE)('go on to serve while the $endpoint endpoint fails: $failure', async ({ endpoint, failure }) => {
    start({ firstRetryMs: 10, budgetMs: 300 });
    await eventually(() => isKnown(issuer.key.kid));
    issuer.fail(failure, endpoint);
    clock += 23 * HOUR_MS;
    const before = issuer.fetches[endpoint];
    expect(await isKnown('unknown')).toBe(false);
    expect(issuer.fetches[endpoint]).toBe(before + 1);
    expect(await isKnown(issuer.key.kid)).toBe(true);
  });

  it('serve for a day without having been confirmed, and not longer', async () => {
    start();
    await keys.find(issuer.key.kid);
    clock = KEY_TIMES.staleMs - 1;
    expect(await isKnown(issuer.key.kid)).toBe(true);
    clock = KEY_TIMES.staleMs;
    await expect(keys.find(issuer.key.kid)).rejects.toThrow(UnavailableError);
  });

  it('are refreshed in the background, and a withdrawn key is dropped then', async () => {
    start({ refreshMs: 10, unknownKeyMs: Infinity });
    const old = issuer.key.kid;
    expect(await isKnown(old)).toBe(true);
    const { kid } = issuer.rollOver({ withdrawOld: true });
    await eventually(() => isKnown(kid));
    expect(await isKnown(old)).toBe(false);
  });

  it('come back by themselves after an outage', async () => {
    start({ refreshMs: 10, retryMs: 10, unknownKeyMs: Infinity });
    await keys.find(issuer.key.kid);
    issuer.fail('status');
    const failed = issuer.fetches.keys;
    await eventually(() => issuer.fetches.keys > failed + 2);
    const { kid } = issuer.rollOver();
    issuer.recover();
    await eventually(() => isKnown(kid));
  });

  it('know a new key at its first use, and the next new one at the latest half a minute later', async () => {
    start();
    const first = issuer.key.kid;
    await keys.find(first);
    expect(await isKnown(issuer.rollOver().kid)).toBe(true);
    const { kid } = issuer.rollOver();
    expect(await isKnown(kid)).toBe(false);
    clock += 30_000;
    expect(await isKnown(kid)).toBe(true);
    expect(await isKnown(first)).toBe(true);
  });

  it('are loaded once for 1,000 unknown ids, whether they come at once or one after the other', async () => {
    start();
    await keys.find(issuer.key.kid);
    const before = total();
    const atOnce = await Promise.all(Array.from({ length: 500 }, (_, index) => isKnown(`unknown-${index}`)));
    for (let index = 500; index < 1_000; index += 1) expect(await isKnown(`unknown-${index}`)).toBe(false);
    expect(atOnce).not.toContain(true);
    expect(total() - before).toBe(2);
    expect(issuer.fetches).toEqual({ metadata: 2, keys: 2 });
  });

  it('answer for a known id at once while a load hangs', async () => {
    start({ budgetMs: 60_000 });
    await keys.find(issuer.key.kid);
    issuer.fail('hang');
    const unknown = isKnown('unknown');
    await eventually(() => issuer.fetches.keys === 2);
    expect(await isKnown(issuer.key.kid)).toBe(true);
    keys.stop();
    expect(await unknown).toBe(false);
  });

  it('are loaded by one load at a time', async () => {
    issuer.fail('hang', 'metadata');
    start({ budgetMs: 60_000 });
    const waiting = Array.from({ length: 100 }, () => keys.find('any').catch((error: unknown) => error));
    await eventually(() => issuer.fetches.metadata > 0);
    keys.start();
    keys.stop();
    for (const outcome of await Promise.all(waiting)) expect(outcome).toBeInstanceOf(UnavailableError);
    expect(issuer.fetches.metadata).toBe(1);
  });

  it('are not loaded any more once they have been stopped', async () => {
    start();
    await keys.find(issuer.key.kid);
    keys.stop();
    expect(await isKnown('unknown')).toBe(false);
    expect(issuer.fetches).toEqual({ metadata: 1, keys: 1 });
  });

  it('say once why they cannot be loaded, and once that they can again', async () => {
    issuer.fail('reset', 'metadata');
    start({ firstRetryMs: 5, retryMs: 5 });
    await eventually(() => issuer.fetches.metadata > 3);
    issuer.recover();
    await eventually(() => isKnown(issuer.key.kid));
    expect(logged).toEqual([expect.stringMatching(/could not be loaded: .*(socket|closed|reset)/i), expect.stringMatching(/loaded again/)]);
  });

  it.each([
    ['of another tenant', (metadata: Record<string, unknown>) => (metadata['issuer'] = `${issuer.authority}/another/v2.0`)],
    ['without an issuer', (metadata: Record<string, unknown>) => delete metadata['issuer']],
    ['with keys at a plain http address', (metadata: Record<string, unknown>) => (metadata['jwks_uri'] = 'http://192.0.2.1/keys')],
    ['with keys in a file', (metadata: Record<string, unknown>) => (metadata['jwks_uri'] = 'file:///etc/keys.json')],
    ['without an address for the keys', (metadata: Record<string, unknown>) => delete metadata['jwks_uri']],
  ])('are not taken from metadata %s', async (_name, change) => {
    change(issuer.metadata);
    await expect(start().find(issuer.key.kid)).rejects.toThrow(UnavailableError);
    expect(issuer.fetches.keys).toBe(0);
  });

  it("are taken from metadata whose issuer has Entra's placeholder for the tenant", async () => {
    issuer.metadata['issuer'] = `${issuer.authority}/{tenantid}/v2.0`;
    start();
    expect(await isKnown(issuer.key.kid)).toBe(true);
  });
});
