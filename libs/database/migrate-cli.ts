import { ConfigError, loadDatabaseUrl } from '#libs/config/config.js';
import { migrate, migrateDown } from './migrate.js';

/** `npm run migrate` (up, the default) and `npm run migrate:down` (one step back). Needs API_DATABASE_URL alone. */
async function main(direction: string): Promise<void> {
  const url = loadDatabaseUrl(process.env);
  if (direction === 'down') {
    const undone = await migrateDown(url);
    console.log(undone ? `Took back ${undone}.` : 'There is no migration to take back.');
    return;
  }
  const ran = await migrate(url);
  console.log(ran.length > 0 ? `Ran ${ran.join(', ')}.` : 'The schema is up to date.');
}

main(process.argv[2] ?? 'up').catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : `The migration failed: ${(error as Error).message}`);
  process.exitCode = 1;
});
