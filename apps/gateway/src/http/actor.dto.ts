import { ShownId, ShownOneOf, ShownText } from './shown.js';

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
