import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import passport, { type Strategy } from 'passport';
import { ForbiddenError, UnauthenticatedError } from '#libs/errors/errors.js';
import type { Identity } from './caller.js';
import { holdsOneOf, PUBLIC_KEY, ROLES_KEY, type Role } from './roles.js';

/** The passport strategy that the configuration asks for. */
export const AUTH_STRATEGY = Symbol('AUTH_STRATEGY');

/**
 * The one guard of the API, deny by default: a handler is public, or its caller has a valid token and one of the handler's roles. An
 * empty list of roles lets in any authenticated caller; no declaration lets in nobody. Leaves the caller's `Identity` at `request.user`,
 * also when it refuses for the want of a role.
 *
 * @throws UnauthenticatedError, ForbiddenError, or UnavailableError where there are no keys to check a token with
 */
@Injectable()
export class AccessGuard implements CanActivate {
  /** Its own, since passport's is one for the process: two applications in it would share the strategy of the last. */
  private readonly passport = new passport.Passport();

  constructor(
    @Inject(AUTH_STRATEGY) strategy: Strategy,
    private readonly reflector: Reflector,
  ) {
    this.passport.use('api', strategy);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const handler = context.getHandler();
    if (this.reflector.get<true | undefined>(PUBLIC_KEY, handler) === true) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const identity = await this.authenticate(request, http.getResponse<Response>());
    request.user = identity;
    const wanted = this.reflector.get<readonly Role[] | undefined>(ROLES_KEY, handler);
    if (wanted === undefined) throw new ForbiddenError();
    if (wanted.length > 0 && !holdsOneOf(identity.roles, wanted)) throw new ForbiddenError();
    return true;
  }

  private authenticate(request: Request, response: Response): Promise<Identity> {
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null, identity?: Identity | false | null): void => {
        if (error) reject(error);
        else if (identity) resolve(identity);
        else reject(new UnauthenticatedError('The bearer token is not valid.'));
      };
      const middleware = this.passport.authenticate('api', { session: false }, settle) as (
        request: Request,
        response: Response,
        next: (error?: Error) => void,
      ) => void;
      // A strategy that passes calls `next` and has found nobody.
      middleware(request, response, (error) => settle(error ?? null));
    });
  }
}
