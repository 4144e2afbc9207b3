import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generateSigningKey } from '#libs/events/chain-keys.js';
import { systemCode } from './start-error.js';

const FILE = 'audit-signing-key.pem';

/** The key that signs the audit log's checkpoints, made at the first start and kept in the data folder, for its owner alone. */
export async function keptSigningKey(folder: string): Promise<string> {
  const file = path.join(folder, FILE);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  const key = generateSigningKey();
  // Whole or not at all: half a key would stop every later start.
  await writeFile(`${file}.new`, key, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return key;
}
