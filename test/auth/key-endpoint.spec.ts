import { eventually } from '../support/eventually.js';
import { ISSUER_FAILURES, TestIssuer } from '../support/test-issuer.js';
import { GuardedApp } from './guarded-app.js';

describe('an application whose key endpoint fails', () => {
  let issuer: TestIssuer;
  let app: GuardedApp | undefined;

  beforeEach(async () => {
    issuer = await TestIssuer.start();
  });

  afterEach(async () => {
    await app?.close();
    await issuer.close();
  });

  it.each(ISSUER_FAILURES)('starts, answers 503 and never 401, serves what is public, and recovers: %s', async (failure) => {
    issuer.fail(failure);
    app = await GuardedApp.start(issuer.environment, { times: { budgetMs: 200, firstRetryMs: 20, retryMs: 20 } });
    const token = issuer.token();
    expect((await app.get('/me', token)).status).toBe(503);
    expect((await app.send({ path: '/open' })).status).toBe(200);
    // What is wrong with a token whatever the keys are is said all the same.
    expect((await app.send({})).status).toBe(401);
    issuer.recover();
    await eventually(async () => (await app?.get('/me', token))?.status === 200);
  });

  it.each(ISSUER_FAILURES)('goes on to take tokens of known keys, and refuses those of unknown ones: %s', async (failure) => {
    app = await GuardedApp.start(issuer.environment, { times: { budgetMs: 300, firstRetryMs: 20, unknownKeyMs: 0 } });
    const known = issuer.token();
    const isTaken = async (token: string): Promise<boolean> => (await app?.get('/me', token))?.status === 200;
    await eventually(() => isTaken(known));
    issuer.fail(failure);
    issuer.rollOver();
    const unknown = issuer.token();
    expect((await app.get('/me', unknown)).status).toBe(401);
    expect((await app.get('/me', known)).status).toBe(200);
    issuer.recover();
    await eventually(() => isTaken(unknown));
    expect(await isTaken(known)).toBe(true);
  });

  it('fetches keys at most twice for 1,000 tokens of unknown keys, and then knows good ones still', async () => {
    app = await GuardedApp.start(issuer.environment);
    expect((await app.get('/me', issuer.token())).status).toBe(200);
    const before = issuer.fetches.metadata + issuer.fetches.keys;
    const [, payload, signature] = issuer.token().split('.');
    for (let done = 0; done < 1_000; done += 50) {
      const tokens = Array.from({ length: 50 }, (_, index) => {
        const unknown = Buffer.from(JSON.stringify({ typ: 'JWT', alg: 'RS256', kid: `unknown-${done + index}` })).toString('base64url');
        return `${unknown}.${payload}.${signature}`;
      });
      const statuses = await Promise.all(tokens.map(async (token) => (await app?.get('/me', token))?.status));
      expect(new Set(statuses)).toEqual(new Set([401]));
    }
    expect(issuer.fetches.metadata + issuer.fetches.keys - before).toBeLessThanOrEqual(2);
    expect((await app.get('/me', issuer.token())).status).toBe(200);
  });
});
