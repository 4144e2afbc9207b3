import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { LocalFolder } from '../local/local-process.js';
import { type OutsideTool, pythonTool } from './outside-tools.js';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
const DOCUMENT = join(ROOT, 'openapi.json');
const TIMEOUT_MS = 120_000;

const COMPILER_OPTIONS = { noEmit: true, strict: true, module: 'nodenext', target: 'es2023', lib: ['es2023', 'dom'], types: [] };

/** The last two statements must not compile, so the types refuse what the API refuses. */
const TYPESCRIPT_WALK = `
import createClient from 'openapi-fetch';
import type { paths } from './api.js';

const client = createClient<paths>({ baseUrl: 'http://127.0.0.1' });
const principal = await client.POST('/v1/principals', { body: { type: 'user', displayName: 'Ada' } });
if (!principal.data) throw new Error('error' in principal.error ? principal.error.error.code : principal.error.code);
const { data } = await client.GET('/v1/grants', { params: { query: { limit: 2, principalId: principal.data.id } } });
for (const grant of data?.items ?? []) {
  await client.POST('/v1/grants/{id}/revoke', { params: { path: { id: grant.id } }, body: { reason: 'Left the team' } });
}
const version: number = principal.data.version;
await client.PATCH('/v1/principals/{id}', {
  params: { path: { id: principal.data.id }, header: { 'If-Match': \`"\${version}"\` } },
  body: { department: null },
});
// @ts-expect-error a principal is no moon
await client.POST('/v1/principals', { body: { type: 'moon', displayName: 'Luna' } });
// @ts-expect-error there is no such route
await client.GET('/v1/moons');
`;

/** Runs a program; what it said is the failure's message, since compilers complain on stdout. */
async function succeed(program: string, args: string[], cwd: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  try {
    const { stdout, stderr } = await run(program, args, { cwd, env: { ...process.env, ...environment }, maxBuffer: 2 ** 24 });
    return stdout + stderr;
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout?: string; stderr?: string };
    throw new Error([message, stdout, stderr].join('\n'), { cause: error });
  }
}

describe('a client generated from openapi.json', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'contract-client-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  it(
    'by openapi-typescript compiles under strict, and so does a program that uses it as meant',
    async () => {
      await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
      await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
      await writeFile(join(folder, 'walk.ts'), TYPESCRIPT_WALK);
      const generate = [join(ROOT, 'node_modules/openapi-typescript/bin/cli.js'), DOCUMENT, '--output', 'api.d.ts'];
      await succeed(process.execPath, generate, folder);
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['*.ts'] }));
      await succeed(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], folder);
    },
    TIMEOUT_MS,
  );

  describe('by openapi-python-client', () => {
    let generator: OutsideTool;
    let local: LocalFolder | undefined;
    let url: string;

    beforeAll(async () => {
      generator = await pythonTool('openapi-python-client==0.29.1');
      if (!generator) return;
      local = await LocalFolder.create();
      url = await local.start().ready();
    }, 400_000);

    afterAll(() => local?.remove());

    it(
      'compiles, and walks create, list, patch, conflict and revoke against what `npm start` runs',
      async () => {
        if (!generator) return;
        const python = generator.bin('python');
        await writeFile(join(folder, 'config.yaml'), 'package_name_override: governance\npost_hooks: []\n');
        const args = ['generate', '--path', DOCUMENT, '--meta', 'none', '--config', 'config.yaml', '--output-path', 'governance'];
        await succeed(generator.bin('openapi-python-client'), [...args, '--fail-on-warning'], folder);
        await succeed(python, ['-W', 'error', '-m', 'compileall', '-q', 'governance'], folder);
        await copyFile(join(import.meta.dirname, 'python-client-walk.py'), join(folder, 'walk.py'));
        expect(await succeed(python, ['walk.py', url], folder)).toContain('walked');
      },
      TIMEOUT_MS,
    );
  });
});
