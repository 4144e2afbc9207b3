import { ApiProperty } from '@nestjs/swagger';
import { ShownId, ShownLabels, ShownOneOf, ShownPart, ShownText } from '../http/shown.js';
import { PrincipalDto } from './principals.dto.js';

/** Who acts, or acted. */
export class ActorDto {
  @ShownText({ max: 512, description: 'The `oid` or `sub` of the token.', example: 'dev' }) id: string;
  @ShownOneOf(['user', 'app', 'system'], {
    name: 'ActorType',
    description: 'A person, an application, or this product itself.',
    example: 'user',
  })
  type: 'user' | 'app' | 'system';
  @ShownId({ nullable: true, description: 'The principal that it is, where one is known.', example: null }) principalId: string | null;
}

export class MeDto {
  @ShownPart({ type: () => ActorDto, description: 'Who calls.' }) actor: ActorDto;
  @ShownLabels({ maxItems: 1000, max: 512, description: 'Every role of the token.', example: ['governance.reader'] }) roles: string[];
  @ApiProperty({ description: 'The principal that the caller is, where one is known.', type: () => PrincipalDto, nullable: true })
  principal: PrincipalDto | null;
}
