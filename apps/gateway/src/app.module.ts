import { AuthModule } from '#libs/auth/auth.module.js';
import type { Config } from '#libs/config/config.js';
import { DatabaseModule } from '#libs/database/database.module.js';
import { Draining } from '#libs/observability/draining.js';
import { loggingModule } from '#libs/observability/logging.js';
import { ReportStorageModule } from '#libs/report-storage/report-storage.module.js';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { APP_GUARD } from '@nestjs/core';
import { AssetsModule } from './assets/assets.module.js';
import { AuditModule } from './audit/audit.module.js';
import { GrantsModule } from './grants/grants.module.js';
import { HealthModule } from './health/health.module.js';
import { UndeclaredInputGuard } from './http/undeclared-input.guard.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { ReportsModule } from './reports/reports.module.js';
import { ReviewsModule } from './reviews/reviews.module.js';
import { PrincipalsModule } from './principals/principals.module.js';
import { ScoresModule } from './scores/scores.module.js';

@Global()
@Module({ providers: [Draining], exports: [Draining] })
class ProcessModule {}

/** Global guards run in the order of their modules, and those of the root module before all: this one's has to have a module of its own. */
@Module({ providers: [{ provide: APP_GUARD, useClass: UndeclaredInputGuard }] })
class UndeclaredInputModule {}

/** The gateway, for one configuration. */
@Module({})
export class AppModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, skipProcessEnv: true, load: [() => config] }),
        loggingModule(config),
        ProcessModule,
        AuthModule,
        // After the access guard of AuthModule: nobody is told what a handler takes before they may call it.
        UndeclaredInputModule,
        DatabaseModule,
        ReportStorageModule,
        PrincipalsModule,
        AssetsModule,
        GrantsModule,
        ScoresModule,
        ReviewsModule,
        AuditModule,
        ReportsModule,
        HealthModule,
        MetricsModule,
      ],
    };
  }
}
