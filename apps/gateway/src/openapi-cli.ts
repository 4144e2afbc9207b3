import { loadConfig } from '#libs/config/config.js';
import { readFileSync, writeFileSync } from 'node:fs';
import { createDocument } from './http/openapi-document.js';
import { createGateway } from './start.js';

/** Writes the OpenAPI document (`--write`), or fails where the committed one is not what the code says (`--check`). Needs no running part. */
async function main(mode: string | undefined): Promise<number> {
  const { config } = loadConfig({
    NODE_ENV: 'development',
    API_DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
    API_CLICKHOUSE_URL: 'http://127.0.0.1:1/none',
    API_KAFKA_BOOTSTRAP: 'in-process',
    API_AUTH_MODE: 'dev',
    API_LOG_LEVEL: 'CRITICAL',
  });
  const app = await createGateway(config);
  const text = `${JSON.stringify(createDocument(app), null, 2)}\n`;
  if (mode === '--write') {
    writeFileSync('openapi.json', text);
    return 0;
  }
  if (readFileSync('openapi.json', 'utf8') === text) return 0;
  process.stderr.write('openapi.json is not what the code says: run npm run openapi and commit it.\n');
  return 1;
}

main(process.argv[2]).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
