import { existsSync } from 'node:fs';

/** `npm run bench -- <name> [what it takes]`: one benchmark by the name of its file. */
const [name = ''] = process.argv.splice(2, 1);
const file = new URL(`./${name}.js`, import.meta.url);
if (!/^[a-z]+$/.test(name) || name === 'main' || !existsSync(file)) throw new Error('Which benchmark? npm run bench -- audit, or scores.');
await import(file.href);
