import type { Caller } from '#libs/auth/request-caller.js';
import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { Operation } from '../http/operation.js';
import { MeDto } from './me.dto.js';
import { type Me, MeService } from './me.service.js';

@ApiTags('principals')
@Controller('me')
export class MeController {
  constructor(private readonly me: MeService) {}

  @Get()
  @Operation({
    id: 'getMe',
    summary: 'Who the caller is',
    description: 'The caller as events name it, its roles, and the principal of the source `entra` whose external id is its object id.',
    roles: [],
    answer: { resource: MeDto },
  })
  get(@CurrentCaller() caller: Caller): Promise<Me> {
    return this.me.describe(caller);
  }
}
