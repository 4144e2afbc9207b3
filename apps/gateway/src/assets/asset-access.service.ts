import { type Caller, readableSources } from '#libs/auth/request-caller.js';
import { NotFoundError } from '#libs/errors/errors.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import { AssetAccessRepository } from './asset-access.repository.js';
import { AssetsRepository } from './assets.repository.js';

@Injectable()
export class AssetAccessService {
  constructor(
    private readonly assets: AssetsRepository,
    private readonly access: AssetAccessRepository,
  ) {}

  /** Everyone whom a grant on the asset reaches at an instant (`asOf`, RFC 3339; now where it is absent), with the shortest path. */
  async ofAsset(id: string, asOf: string | undefined, page: PageRequest, caller: Caller): Promise<Page> {
    if (!(await this.assets.findRepresentation(id, readableSources(caller)))) throw NotFoundError.of('asset', id);
    return this.access.ofAsset(id, asOf === undefined ? null : new Date(asOf), page);
  }
}
