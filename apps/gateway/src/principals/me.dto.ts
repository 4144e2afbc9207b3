import { ApiProperty } from '@nestjs/swagger';
import { ActorDto } from '../http/actor.dto.js';
import { ShownLabels, ShownPart } from '../http/shown.js';
import { PrincipalDto } from './principals.dto.js';

export class MeDto {
  @ShownPart({ type: () => ActorDto, description: 'Who calls.' }) actor: ActorDto;
  @ShownLabels({ maxItems: 1000, max: 512, description: 'Every role of the token.', example: ['governance.reader'] }) roles: string[];
  @ApiProperty({ description: 'The principal that the caller is, where one is known.', type: () => PrincipalDto, nullable: true })
  principal: PrincipalDto | null;
}
