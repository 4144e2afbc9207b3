import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import type { Strategy } from 'passport';
import { ForbiddenError, UnauthenticatedError } from '#libs/errors/errors.js';
import type { Identity } from './caller.js';
import { holdsOneOf, PUBLIC_KEY, ROLES_KEY, type Role } from './roles.js';

/** The passport strategy that the configuration asks for. */
export const AUTH_STRATEGY = Symbol('AUTH_STRATEGY');

/** A strategy looking at one request. The types of passport have no words for it. */
interface Attempt {
  authenticate(request: Request, options: object): void;
}

/**
 * The one guard of the API, deny by default: a handler is public, or its caller has a valid token and one of the handler's roles. An
 * empty list of roles lets in any authenticated caller; no declaration lets in nobody. Leaves the caller's `Identity` at `request.user`,
 * also when it refuses for the want of a role.
 *
 * @throws UnauthenticatedError, ForbiddenError, or UnavailableError where there are no keys to check a token with
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    @Inject(AUTH_STRATEGY) private readonly strategy: Strategy,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const handler = context.getHandler();
    if (this.reflector.get<true | undefined>(PUBLIC_KEY, handler) === true) return true;
    const request = context.switchToHttp().getRequest<Request>();
    const identity = await this.authenticate(request);
    request.user = identity;
    const wanted = this.reflector.get<readonly Role[] | undefined>(ROLES_KEY, handler);
    if (wanted === undefined) throw new ForbiddenError();
    if (wanted.length > 0 && !holdsOneOf(identity.roles, wanted)) throw new ForbiddenError();
    return true;
  }

  /**
   * Has the strategy look at one request, as passport does: on an object made from it, which is told what the strategy found. Passport's own
   * middleware would besides give the request a session's methods, and look for further strategies.
   */
  private authenticate(request: Request): Promise<Identity> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => reject(new UnauthenticatedError('The bearer token is not valid.'));
      const attempt = Object.assign(Object.create(this.strategy) as Attempt, {
        success: (identity: Identity | undefined) => (identity ? resolve(identity) : refuse()),
        fail: refuse,
        redirect: refuse,
        pass: refuse,
        error: reject,
      });
      attempt.authenticate(request, {});
    });
  }
}
