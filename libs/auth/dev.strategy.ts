import { Logger, type OnModuleInit } from '@nestjs/common';
import passport from 'passport';
import type { Identity } from './caller.js';

/** Whom every request is taken for in `dev` mode. */
export const DEV_IDENTITY: Identity = {
  id: 'dev',
  type: 'user',
  roles: ['governance.reader', 'governance.reviewer', 'governance.auditor', 'governance.admin'],
};

/** Asks for nothing and lets everybody in. The configuration refuses it in production. */
export class DevStrategy extends passport.Strategy implements OnModuleInit {
  override name = 'dev';

  onModuleInit(): void {
    new Logger(DevStrategy.name).warn(
      'AUTHENTICATION IS OFF (API_AUTH_MODE=dev): every request is taken as one user who may do everything. Never do this where others reach it.',
    );
  }

  override authenticate(): void {
    this.success(DEV_IDENTITY);
  }
}
