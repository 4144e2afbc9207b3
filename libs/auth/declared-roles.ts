import { Injectable, type OnModuleInit } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { PUBLIC_KEY, ROLES_KEY } from './roles.js';

type Handler = (...parameters: unknown[]) => unknown;

/** Stops the start of an application in which an HTTP handler has neither `@Roles` nor `@Public`, or has both. */
@Injectable()
export class DeclaredRoles implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  /** @throws Error naming every such handler */
  onModuleInit(): void {
    const undeclared = this.discovery.getControllers().flatMap(({ metatype }) => {
      const prototype = (metatype as { prototype?: Record<string, Handler> } | null)?.prototype;
      if (!prototype) return [];
      return this.scanner
        .getAllMethodNames(prototype)
        .filter((name) => !this.isDeclared(prototype[name] as Handler))
        .map((name) => `${metatype?.name}.${name}`);
    });
    if (undeclared.length > 0) throw new Error(`Every handler needs either @Roles or @Public: ${undeclared.join(', ')}`);
  }

  private isDeclared(handler: Handler): boolean {
    if (this.reflector.get<unknown>(METHOD_METADATA, handler) === undefined) return true;
    const hasRoles = this.reflector.get<unknown>(ROLES_KEY, handler) !== undefined;
    const isPublic = this.reflector.get<unknown>(PUBLIC_KEY, handler) === true;
    return hasRoles !== isPublic;
  }
}
