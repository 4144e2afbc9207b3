import { type Caller, readableSources } from '#libs/auth/request-caller.js';
import { NotFoundError } from '#libs/errors/errors.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import { PrincipalAccessRepository } from './principal-access.repository.js';
import { PrincipalsRepository } from './principals.repository.js';

@Injectable()
export class PrincipalAccessService {
  constructor(
    private readonly principals: PrincipalsRepository,
    private readonly access: PrincipalAccessRepository,
  ) {}

  /** Every grant that reaches a principal at an instant (`asOf`, RFC 3339; now where it is absent), with the shortest path to it. */
  async ofPrincipal(id: string, asOf: string | undefined, page: PageRequest, caller: Caller): Promise<Page> {
    const sources = readableSources(caller);
    if (!(await this.principals.findRepresentation(id, sources))) throw NotFoundError.of('principal', id);
    return this.access.ofPrincipal(id, asOf === undefined ? null : new Date(asOf), sources, page);
  }
}
