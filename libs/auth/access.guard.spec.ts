import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import passport, { type Strategy } from 'passport';
import { ForbiddenError, UnauthenticatedError } from '#libs/errors/errors.js';
import { AccessGuard } from './access.guard.js';
import { DEV_IDENTITY, DevStrategy } from './dev.strategy.js';
import { Roles } from './roles.js';

class Handlers {
  @Roles()
  declared(): void {}

  undeclared(): void {}
}

class PassingStrategy extends passport.Strategy {
  override name = 'passing';

  override authenticate(): void {
    this.pass();
  }
}

const call = (strategy: Strategy, handler: 'declared' | 'undeclared', request: object = {}): Promise<boolean> =>
  new AccessGuard(strategy, new Reflector()).canActivate(new ExecutionContextHost([request, {}], Handlers, Handlers.prototype[handler]));

describe('the access guard', () => {
  it('leaves the caller on the request', async () => {
    const request: { user?: unknown } = {};
    expect(await call(new DevStrategy(), 'declared', request)).toBe(true);
    expect(request.user).toEqual(DEV_IDENTITY);
  });

  it('lets nobody in to a handler that declares nothing, and leaves the caller on the request for the record', async () => {
    const request: { user?: unknown } = {};
    await expect(call(new DevStrategy(), 'undeclared', request)).rejects.toThrow(ForbiddenError);
    expect(request.user).toEqual(DEV_IDENTITY);
  });

  it('lets nobody in whom the strategy passes without a user', async () => {
    await expect(call(new PassingStrategy(), 'declared')).rejects.toThrow(UnauthenticatedError);
  });
});
