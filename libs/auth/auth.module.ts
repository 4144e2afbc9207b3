import { Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import type { Strategy } from 'passport';
import type { Config } from '#libs/config/config.js';
import { AccessGuard, AUTH_STRATEGY } from './access.guard.js';
import { AzureAdStrategy } from './azure-ad.strategy.js';
import { DeclaredRoles } from './declared-roles.js';
import { DevStrategy } from './dev.strategy.js';
import { KEY_TIMES, SigningKeys, type KeyTimes } from './signing-keys.js';

/** The periods of the key store, for tests to shorten. */
export const AUTH_KEY_TIMES = Symbol('AUTH_KEY_TIMES');

function createStrategy(config: ConfigService<Config, true>, times: KeyTimes): Strategy {
  const options = config.get('azureAd', { infer: true });
  if (config.get('authMode', { infer: true }) === 'dev') return new DevStrategy();
  if (options === null) throw new Error('azure_ad mode without its settings');
  return new AzureAdStrategy(options, new SigningKeys(options.authority, options.tenantId, times));
}

/** Guards every handler of the application that imports it. Wants a global `ConfigService<Config, true>`. */
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: AUTH_KEY_TIMES, useValue: KEY_TIMES },
    { provide: AUTH_STRATEGY, inject: [ConfigService, AUTH_KEY_TIMES], useFactory: createStrategy },
    { provide: APP_GUARD, useClass: AccessGuard },
    DeclaredRoles,
  ],
})
export class AuthModule {}
