import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const CONFIG = join(ROOT, '.dependency-cruiser.cjs');
const CRUISER = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

type Tree = Record<string, string>;

/** What the planted trees may import: the packages' names are what the rules look at, so an empty package does for each. */
const PACKAGES = ['@nestjs/common', '@nestjs/swagger', '@nestjs/typeorm', 'typeorm', 'pg', 'express', 'supertest', 'brought-along'];
const MANIFEST = {
  type: 'module',
  dependencies: { '@nestjs/common': '1', '@nestjs/swagger': '1', '@nestjs/typeorm': '1', typeorm: '1', pg: '1', express: '1' },
  devDependencies: { supertest: '1' },
};

const uses = (...modules: string[]): string => modules.map((name) => `import '${name}';`).join('\n') + '\n';
const EMPTY = 'export const nothing = 0;\n';

/** For each rule files that break it, and nothing else. All of them are cruised at once, so each has names of its own. */
const VIOLATIONS: Record<string, Tree> = {
  'no-circle': { 'libs/circle/one.ts': uses('./two.js'), 'libs/circle/two.ts': uses('./one.js') },
  resolvable: { 'libs/lost/one.ts': uses('#libs/lost/gone.js') },
  'libs-know-no-app': { 'libs/upwards/one.ts': uses('#apps/worker/src/relay.js'), 'apps/worker/src/relay.ts': EMPTY },
  'apps-know-no-app': { 'apps/decay-engine/src/main.ts': uses('#apps/worker/src/sink.js'), 'apps/worker/src/sink.ts': EMPTY },
  'local-starts-apps-by-their-door': { 'apps/local/src/start.ts': uses('#apps/worker/src/jobs.js'), 'apps/worker/src/jobs.ts': EMPTY },
  'libs-by-their-name': { 'apps/worker/src/main.ts': uses('../../../libs/near/one.js'), 'libs/near/one.ts': EMPTY },
  'controller-asks-its-service': {
    'apps/gateway/src/scores/scores.controller.ts': uses('./scores.repository.js'),
    'apps/gateway/src/scores/scores.repository.ts': EMPTY,
  },
  'service-knows-no-http-and-no-sql': { 'apps/gateway/src/health/health.service.ts': uses('@nestjs/swagger') },
  'repository-knows-nobody-above': {
    'apps/gateway/src/audit/audit.repository.ts': uses('./audit.service.js'),
    'apps/gateway/src/audit/audit.service.ts': EMPTY,
  },
  'feature-through-its-service': {
    'apps/gateway/src/reviews/reviews.service.ts': uses('../reports/reports.repository.js'),
    'apps/gateway/src/reports/reports.repository.ts': EMPTY,
  },
  'decay-model-is-pure': { 'libs/decay-model/half-life.ts': uses('node:crypto') },
  'connector-is-a-client': { 'apps/connector-postgres/src/sync.ts': uses('#libs/database/database.js') },
  'database-has-one-door': { 'libs/side-door/one.ts': uses('pg') },
  'orm-stays-in-repositories': { 'libs/orm/one.ts': uses('typeorm') },
  'product-runs-without-dev-dependencies': { 'libs/dev/one.ts': uses('supertest') },
  'dependencies-are-declared': { 'libs/undeclared/one.ts': uses('brought-along') },
  'product-knows-no-test': { 'libs/testing/one.ts': uses('../../test/support/clock.js') },
  'no-barrel': { 'libs/barrel/one.ts': uses('./index.js'), 'libs/barrel/index.ts': EMPTY },
  'no-junk-drawer': { 'libs/junk/one.ts': uses('./string-utils.js'), 'libs/junk/string-utils.ts': EMPTY },
  'no-orphan': { 'libs/forgotten/one.ts': EMPTY },
};

/** What is allowed, and looks most like what is not. */
const ALLOWED: Tree = {
  'apps/gateway/src/main.ts': uses('./app.module.js'),
  'apps/gateway/src/app.module.ts': uses('./grants/grants.module.js', './assets/assets.module.js'),
  'apps/gateway/src/grants/grants.module.ts': uses('./grants.controller.js', '../assets/assets.module.js', '@nestjs/typeorm'),
  'apps/gateway/src/http/fields.ts': uses('@nestjs/common'),
  'apps/gateway/src/grants/grants.controller.ts': `${uses('./grants.service.js', '../http/fields.js', '@nestjs/swagger')}import type { Request } from 'express';\nexport type R = Request;\n`,
  'apps/gateway/src/grants/grants.service.ts': uses('./grants.repository.js', '../assets/assets.service.js', '#libs/events/outbox.js'),
  'apps/gateway/src/grants/grants.repository.ts': uses('typeorm', '#libs/database/database.js'),
  'apps/gateway/src/grants/grants.service.spec.ts': uses('supertest', '../../../../test/support/clock.js', './grants.service.js'),
  'apps/gateway/src/assets/assets.module.ts': uses('./assets.service.js'),
  'apps/gateway/src/assets/assets.service.ts': uses('@nestjs/common'),
  'apps/local/src/main.ts': uses('#apps/gateway/src/app.module.js'),
  'apps/connector-postgres/src/main.ts': uses('pg', '#libs/errors/errors.js'),
  'libs/database/database.ts': uses('pg', './pool.js'),
  'libs/database/pool.ts': uses('typeorm'),
  'libs/events/outbox.ts': `import type { EntityManager } from 'typeorm';\n${uses('#libs/errors/errors.js')}export type E = EntityManager;\n`,
  'libs/errors/errors.ts': uses('./error-codes.js'),
  'libs/errors/error-codes.ts': EMPTY,
  'libs/decay-model/decay-model.ts': uses('./band.js'),
  'libs/decay-model/band.ts': EMPTY,
  'test/support/clock.ts': EMPTY,
};

async function write(root: string, tree: Tree): Promise<void> {
  for (const [path, content] of Object.entries(tree)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

/** Rule and importing file of everything that dependency-cruiser, with our configuration, objects to in a tree. */
async function violationsIn(tree: Tree): Promise<{ rule: string; file: string }[]> {
  const root = await mkdtemp(join(tmpdir(), 'dependency-rules-'));
  try {
    await write(root, { ...tree, 'package.json': JSON.stringify(MANIFEST) });
    for (const name of PACKAGES) {
      const folder = `node_modules/${name}`;
      await write(root, { [`${folder}/package.json`]: JSON.stringify({ name, main: 'main.js' }), [`${folder}/main.js`]: '' });
    }
    const output = await new Promise<string>((done, failed) => {
      const args = [CRUISER, '--config', CONFIG, '--output-type', 'json', 'apps', 'libs', 'test'];
      // The exit code counts the violations, so it is not what tells whether the tool ran.
      execFile(process.execPath, args, { cwd: root, maxBuffer: 16 * 1024 * 1024 }, (_violations, stdout, stderr) => {
        if (stdout === '') failed(new Error(`dependency-cruiser said nothing but: ${stderr}`));
        else done(stdout);
      });
    });
    const { summary } = JSON.parse(output) as { summary: { violations: { rule: { name: string }; from: string }[] } };
    return summary.violations.map((violation) => ({ rule: violation.rule.name, file: violation.from }));
  } finally {
    await rm(root, { recursive: true });
  }
}

describe('the dependency rules', () => {
  const { forbidden } = createRequire(import.meta.url)(CONFIG) as { forbidden: { name: string }[] };
  let found: { rule: string; file: string }[];
  const rulesBrokenIn = (tree: Tree): string[] => [...new Set(found.filter(({ file }) => file in tree).map(({ rule }) => rule))];

  beforeAll(async () => {
    found = await violationsIn(Object.assign({}, ALLOWED, ...Object.values(VIOLATIONS)) as Tree);
  });

  it('have a planted violation each', () => {
    expect(Object.keys(VIOLATIONS).sort()).toEqual(forbidden.map((rule) => rule.name).sort());
  });

  it.each(Object.entries(VIOLATIONS))('%s is named when it is broken, and no other', (rule, tree) => {
    expect(rulesBrokenIn(tree)).toEqual([rule]);
  });

  it('let pass what is built as the design says', () => {
    expect(rulesBrokenIn(ALLOWED)).toEqual([]);
  });
});
