import { SetMetadata } from '@nestjs/common';

/** The roles of the design, section 4. `connector` stands for `governance.connector:<source>`, one role for each source. */
export const ROLES = [
  'governance.reader',
  'governance.reviewer',
  'governance.auditor',
  'governance.connector',
  'governance.admin',
] as const;
export type Role = (typeof ROLES)[number];

export const CONNECTOR_PREFIX = 'governance.connector:';
export const ROLES_KEY = 'access:roles';
export const PUBLIC_KEY = 'access:public';

/** Who may call a handler. Every handler has this or `@Public()`; without either the application does not start. An empty list lets in any authenticated caller. */
export const Roles = (...roles: Role[]): MethodDecorator => SetMetadata(ROLES_KEY, roles);

/** A handler that asks for no token. */
export const Public = (): MethodDecorator => SetMetadata(PUBLIC_KEY, true);

/** Everybody who may look at principals, assets, grants and scores. */
export const READERS: readonly Role[] = [
  'governance.reader',
  'governance.reviewer',
  'governance.auditor',
  'governance.connector',
  'governance.admin',
];

/** Everybody who may change principals, assets and grants. */
export const WRITERS: readonly Role[] = ['governance.connector', 'governance.admin'];

/** The sources that a caller is a connector of. */
export function connectorSources(roles: readonly string[]): string[] {
  return roles
    .filter((role) => role.startsWith(CONNECTOR_PREFIX) && role.length > CONNECTOR_PREFIX.length)
    .map((role) => role.slice(CONNECTOR_PREFIX.length));
}

/** Whether one of a token's roles is one of those wanted. */
export function holdsOneOf(roles: readonly string[], wanted: readonly Role[]): boolean {
  return wanted.some((role) => (role === 'governance.connector' ? connectorSources(roles).length > 0 : roles.includes(role)));
}
