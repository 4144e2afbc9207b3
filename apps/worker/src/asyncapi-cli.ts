import { readFileSync, writeFileSync } from 'node:fs';
import { createAsyncApiDocument } from './asyncapi-document.js';

/** Writes the AsyncAPI document (`--write`), or fails where the committed one is not what the code says (`--check`). */
const text = `${JSON.stringify(createAsyncApiDocument(), null, 2)}\n`;
if (process.argv[2] === '--write') writeFileSync('asyncapi.json', text);
else if (readFileSync('asyncapi.json', 'utf8') !== text) {
  process.stderr.write('asyncapi.json is not what the code says: run npm run asyncapi and commit it.\n');
  process.exitCode = 1;
}
