import { randomUUID } from 'node:crypto';
import { Controller, Get } from '@nestjs/common';
import { DEV_IDENTITY } from '#libs/auth/dev.strategy.js';
import { Public, Roles } from '#libs/auth/roles.js';
import { eventually } from '../support/eventually.js';
import { TestIssuer } from '../support/test-issuer.js';
import { GuardedApp } from './guarded-app.js';

describe('access', () => {
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

  describe('of a caller with a good token', () => {
    it.each([
      ['a person, v2, for the client id', 2, {}, 'user'],
      ['a person, v1, for the audience', 1, {}, 'user'],
      ['a person without roles', 2, { roles: undefined }, 'user'],
      ['an application, by idtyp', 2, { idtyp: 'app', scp: undefined }, 'app'],
      ['a person, by idtyp', 2, { idtyp: 'user', scp: undefined }, 'user'],
    ] as const)('is that of %s', async (_name, version, claims, type) => {
      const oid = randomUUID();
      const { status, body } = await app.get('/me', issuer.token({ version, claims: { ...claims, oid } }));
      expect(status).toBe(200);
      expect(body).toEqual({ id: oid, type, roles: 'roles' in claims ? [] : ['governance.reader'] });
    });

    it('takes either audience in either version', async () => {
      for (const version of [1, 2] as const) {
        for (const aud of [issuer.audience, issuer.clientId]) {
          expect((await app.get('/me', issuer.token({ version, claims: { aud } }))).status).toBe(200);
        }
      }
    });

    it('is that of the subject where the token has no oid, and of an application where that acts for nobody', async () => {
      const { body } = await app.get('/me', issuer.token({ claims: { sub: 'subject', oid: undefined, scp: undefined } }));
      expect(body).toEqual({ id: 'subject', type: 'app', roles: ['governance.reader'] });
    });

    it('takes the scheme in any case', async () => {
      for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
        expect((await app.send({ authorization: [`${scheme} ${issuer.token()}`] })).status).toBe(200);
      }
    });

    it('allows clocks to differ by almost a minute', async () => {
      const now = Math.floor(Date.now() / 1000);
      expect((await app.get('/me', issuer.token({ claims: { iat: now - 90, nbf: now - 90, exp: now - 50 } }))).status).toBe(200);
      expect((await app.get('/me', issuer.token({ claims: { iat: now + 50, nbf: now + 50 } }))).status).toBe(200);
    });
  });

  it('ends with the token, also for a caller who was let in with it', async () => {
    const token = issuer.token({ claims: { iat: Math.floor(Date.now() / 1000) - 90, nbf: 0, exp: Math.floor(Date.now() / 1000) - 57 } });
    expect((await app.get('/me', token)).status).toBe(200);
    expect((await app.get('/me', token)).status).toBe(200);
    expect((await app.send({ authorization: [`Bearer ${token}`, `Bearer ${token}`] })).status).toBe(401);
    await eventually(async () => (await app.get('/me', token)).status === 401);
  });

  describe('by roles', () => {
    it('is refused with 403 to a caller without one of the roles of the handler', async () => {
      for (const roles of [
        [],
        ['governance'],
        ['GOVERNANCE.READER'],
        ['governance.reader.more'],
        ['governance.connector'],
        ['governance.connector:'],
      ]) {
        const refused = await app.get('/read', issuer.tokenFor({ roles }));
        expect(refused.status).toBe(403);
        expect(refused.headers['www-authenticate']).toBeUndefined();
        expect(refused.body.error?.code).toBe('forbidden');
      }
    });

    it('is given to a caller with one of them, whatever else the token holds', async () => {
      for (const role of [
        'governance.reader',
        'governance.reviewer',
        'governance.auditor',
        'governance.admin',
        'governance.connector:postgres',
      ]) {
        expect((await app.get('/read', issuer.tokenFor({ roles: ['something.else', role] }))).status).toBe(200);
      }
    });

    it('to change things is given to connectors and admins alone', async () => {
      const write = async (role: string): Promise<number> => {
        const authorization = [`Bearer ${issuer.tokenFor({ roles: [role], app: true })}`];
        return (await app.send({ method: 'POST', path: '/write', authorization })).status;
      };
      expect(await write('governance.admin')).toBe(201);
      expect(await write('governance.connector:postgres')).toBe(201);
      for (const role of ['governance.reader', 'governance.reviewer', 'governance.auditor']) expect(await write(role)).toBe(403);
    });

    it('is not asked for by a public handler, not even with a bad token', async () => {
      expect((await app.send({ path: '/open' })).status).toBe(200);
      expect((await app.get('/open', 'nonsense')).status).toBe(200);
    });
  });

  it('is told apart between two applications of one process that trust different tenants', async () => {
    const otherIssuer = await TestIssuer.start();
    const other = await GuardedApp.start(otherIssuer.environment);
    try {
      expect((await app.get('/me', issuer.token())).status).toBe(200);
      expect((await other.get('/me', otherIssuer.token())).status).toBe(200);
      expect((await app.get('/me', otherIssuer.token())).status).toBe(401);
      expect((await other.get('/me', issuer.token())).status).toBe(401);
    } finally {
      await other.close();
      await otherIssuer.close();
    }
  });

  it('in dev mode is announced as open to everybody, in a warning at the start', async () => {
    const warnings: string[] = [];
    const ignore = (): void => undefined;
    const dev = await GuardedApp.start(
      { API_AUTH_MODE: 'dev' },
      { logger: { log: ignore, error: ignore, warn: (line: string) => void warnings.push(line) } },
    );
    await dev.close();
    expect(warnings).toEqual([expect.stringMatching(/AUTHENTICATION IS OFF \(API_AUTH_MODE=dev\)/)]);
  });

  it('in dev mode is that of one user with every role, with any token or none', async () => {
    const dev = await GuardedApp.start({ API_AUTH_MODE: 'dev' });
    try {
      for (const authorization of [[], ['Bearer nonsense']]) {
        const { status, body } = await dev.send({ authorization });
        expect(status).toBe(200);
        expect(body).toEqual({ ...DEV_IDENTITY });
        expect((await dev.send({ method: 'POST', path: '/write', authorization })).status).toBe(201);
      }
    } finally {
      await dev.close();
    }
  });
});

describe('an application', () => {
  @Controller('forgetful')
  class ForgetfulController {
    @Get('declared')
    @Roles()
    declared(): void {}

    @Get('undeclared')
    undeclared(): void {}

    @Get('both')
    @Roles('governance.admin')
    @Public()
    both(): void {}

    noHandler(): void {}
  }

  @Controller('heir')
  class HeirController extends ForgetfulController {
    @Get('own')
    @Public()
    own(): void {}
  }

  it('does not start while a handler declares no role, or is both public and not, and names each of them', async () => {
    await expect(GuardedApp.start({ API_AUTH_MODE: 'dev' }, { controller: ForgetfulController })).rejects.toThrow(
      /: ForgetfulController\.undeclared, ForgetfulController\.both$/,
    );
  });

  it('does not start while an inherited handler declares no role', async () => {
    await expect(GuardedApp.start({ API_AUTH_MODE: 'dev' }, { controller: HeirController })).rejects.toThrow(/HeirController\.undeclared/);
  });
});
