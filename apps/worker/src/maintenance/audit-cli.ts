import { AuditLog } from '#libs/clickhouse/audit-log.js';
import { ClickHouseModule } from '#libs/clickhouse/clickhouse.module.js';
import { type Config, ConfigError, loadConfig } from '#libs/config/config.js';
import { Database } from '#libs/database/database.js';
import { DatabaseModule } from '#libs/database/database.module.js';
import { parseSigningKey } from '#libs/events/chain-keys.js';
import { ChainStore } from '#libs/events/chain-store.js';
import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { adoptAuditLog, rebuildAuditLog } from './audit-maintenance.js';

function moduleFor(config: Config): new () => object {
  @Module({
    imports: [
      ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, skipProcessEnv: true, load: [() => config] }),
      DatabaseModule,
      ClickHouseModule,
    ],
    providers: [ChainStore, AuditLog],
  })
  class MaintenanceModule {}
  return MaintenanceModule;
}

/** `npm run audit:rebuild` and `npm run audit:adopt`. Exit code 0 where the log is intact afterwards. */
async function main(command: string | undefined): Promise<number> {
  const { config } = loadConfig(process.env);
  const app = await NestFactory.createApplicationContext(moduleFor(config), { logger: ['error'], abortOnError: false });
  try {
    const [chain, log] = [app.get(ChainStore), app.get(AuditLog)];
    if (command === 'adopt') {
      if (config.auditSigningKey === null) throw new Error('API_AUDIT_SIGNING_KEY is required: checkpoints are signed anew.');
      const events = await adoptAuditLog(app.get(Database), chain, log, parseSigningKey(config.auditSigningKey));
      console.log(`Took ${events} event(s) back from the log; the relay goes on by itself.`);
      return 0;
    }
    const verification = await rebuildAuditLog(chain, log, (sequence) => console.log(`Restored up to event ${sequence}.`));
    console.log(JSON.stringify(verification));
    return verification.intact ? 0 : 1;
  } finally {
    await app.close();
  }
}

main(process.argv[2]).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof ConfigError ? error.message : `It failed: ${(error as Error).message}`);
    process.exit(1);
  },
);
