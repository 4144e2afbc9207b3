import { TestIssuer } from '../support/test-issuer.js';
import { BAD_TOKENS } from './bad-tokens.js';
import { GuardedApp } from './guarded-app.js';

describe('a bad token', () => {
  let issuer: TestIssuer;
  let app: GuardedApp;

  beforeAll(async () => {
    issuer = await TestIssuer.start();
    app = await GuardedApp.start(issuer.environment);
  });

  afterAll(async () => {
    await app.close();
    await issuer.close();
  });

  it.each(BAD_TOKENS)('is refused with a challenge, and a good one after it is taken: $name', async ({ present, because }) => {
    const request = present(issuer);
    const refused = await app.send(request);
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toBe(
      request.authorization ? 'Bearer realm="api", error="invalid_token"' : 'Bearer realm="api"',
    );
    expect(refused.body.error?.code).toBe('unauthenticated');
    expect(refused.body.error?.message).toMatch(because);

    expect((await app.get('/me', issuer.token())).status).toBe(200);
  });
});
