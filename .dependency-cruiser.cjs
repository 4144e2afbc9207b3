const { join } = require('node:path');

const SPEC = '\\.spec\\.ts$';
const PRODUCT = '^(apps|libs)/';
const packages = (...names) => `(^|/)node_modules/(@types/)?(${names.join('|')})(/|$)`;

/** Each rule with its reason. test/quality/dependency-rules.spec.ts plants one violation of each, so a new rule needs a new one there. */
module.exports = {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Two files that need each other cannot be read, tested or started one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere would slip past every other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'libs-know-no-app',
      comment: 'Dependencies point one way: apps to libs.',
      severity: 'error',
      from: { path: '^libs/', pathNot: SPEC },
      to: { path: '^apps/' },
    },
    {
      name: 'apps-know-no-app',
      comment: 'Apps are deployed apart. What two of them need is a lib.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: ['^apps/local/', SPEC] },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'local-starts-apps-by-their-door',
      comment: 'The app for a laptop runs the others as they are: through what their own main.ts calls.',
      severity: 'error',
      from: { path: '^apps/local/' },
      to: { path: '^apps/', pathNot: ['^apps/local/', '^apps/[^/]+/src/(app\\.module|start|configure-app)\\.ts$'] },
    },
    {
      name: 'libs-by-their-name',
      comment: 'Across folders an import says #libs/<lib>/<file>.js, so that moving a file does not change its imports.',
      severity: 'error',
      from: { path: '^(?:libs/([^/]+)|apps|test|bench)/' },
      to: { path: '^libs/', pathNot: '^libs/$1/', dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'controller-asks-its-service',
      comment: 'Controller, service, repository: one way, and no step left out.',
      severity: 'error',
      from: { path: '\\.controller\\.ts$' },
      to: { path: ['\\.(repository|entity)\\.ts$', packages('typeorm', '@nestjs/typeorm', 'pg')] },
    },
    {
      name: 'service-knows-no-http-and-no-sql',
      comment: 'A service is rules, transactions and events; it can be called by a worker as well as by a controller.',
      severity: 'error',
      from: { path: '\\.service\\.ts$' },
      to: {
        path: [
          '\\.controller\\.ts$',
          packages('express', '@nestjs/swagger', '@nestjs/platform-express', '@nestjs/typeorm', 'typeorm', 'pg'),
        ],
      },
    },
    {
      name: 'repository-knows-nobody-above',
      comment: 'A repository answers questions about rows; who asks is not its business.',
      severity: 'error',
      from: { path: '\\.repository\\.ts$' },
      to: { path: ['\\.(service|controller|module)\\.ts$', packages('express', '@nestjs/swagger')] },
    },
    {
      name: 'feature-through-its-service',
      comment:
        'A folder of the gateway is open to its neighbours at its service, and at its module for the wiring. How HTTP is spoken is common to all.',
      severity: 'error',
      from: { path: '^apps/gateway/src/([^/]+)/', pathNot: SPEC },
      to: { path: '^apps/gateway/src/[^/]+/', pathNot: ['^apps/gateway/src/($1|http)/', '\\.(service|module)\\.ts$'] },
    },
    {
      name: 'decay-model-is-pure',
      comment: 'The score is a function of facts and a clock, so the model imports nothing, not even a type or a part of Node.',
      severity: 'error',
      from: { path: '^libs/decay-model/', pathNot: SPEC },
      to: { pathNot: '^libs/decay-model/' },
    },
    {
      name: 'connector-is-a-client',
      comment: 'A connector knows the gateway as anybody does: through the API.',
      severity: 'error',
      from: { path: '^apps/connector-postgres/', pathNot: SPEC },
      to: { path: '^libs/', pathNot: '^libs/(config|errors|observability)/' },
    },
    {
      name: 'database-has-one-door',
      comment:
        'Connections are made in one place, where pools, time-outs and failures are settled. The connector reads a PostgreSQL that is not ours.',
      severity: 'error',
      from: {
        path: PRODUCT,
        pathNot: ['^libs/database/', '^libs/kafka/in-process\\.', '/leadership\\.ts$', '^apps/connector-postgres/', '^apps/local/', SPEC],
      },
      to: { path: packages('pg', 'pg-pool', 'pg-cursor', 'pg-query-stream') },
    },
    {
      name: 'orm-stays-in-repositories',
      comment: 'TypeORM is how repositories and the database lib do their work, and nobody else. Its types may pass through.',
      severity: 'error',
      from: { path: PRODUCT, pathNot: ['^libs/database/', '\\.(repository|entity|module)\\.ts$', SPEC] },
      to: { path: packages('typeorm', '@nestjs/typeorm'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'product-runs-without-dev-dependencies',
      comment: 'The image is installed without them. Types are gone by then and may come from there.',
      severity: 'error',
      from: { path: PRODUCT, pathNot: SPEC },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'dependencies-are-declared',
      comment: 'What only another package brings along may be gone with its next version.',
      severity: 'error',
      from: {},
      // @jest/globals is a part of jest, which is declared.
      to: {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
        pathNot: '(^|/)node_modules/@jest/globals/',
      },
    },
    {
      name: 'product-knows-no-test',
      comment: 'Nothing that runs in production is made for tests or benchmarks.',
      severity: 'error',
      from: { path: PRODUCT, pathNot: SPEC },
      to: { path: ['^(test|bench)/', SPEC] },
    },
    {
      name: 'no-barrel',
      comment: 'An index.ts that passes everything on ties a folder into one knot.',
      severity: 'error',
      from: {},
      to: { path: '/index\\.ts$', pathNot: 'node_modules' },
    },
    {
      name: 'no-junk-drawer',
      comment: 'A file is named after what it does; these names fit anything.',
      severity: 'error',
      from: {},
      to: { path: '^(apps|libs|test|bench)/.*[/.-](utils?|helpers?|commons?|managers?|misc)[/.-]' },
    },
    {
      name: 'no-orphan',
      comment: 'A file that nobody imports and that imports nothing is forgotten.',
      severity: 'error',
      from: { orphan: true, path: PRODUCT, pathNot: [SPEC, '\\.d\\.ts$', '^apps/[^/]+/src/main\\.ts$', '-cli\\.ts$'] },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.cache|\\.local|coverage)/' },
    // An import of a type is a dependency too: it says who has to know whom.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: join(__dirname, 'tsconfig.json') },
    webpackConfig: { fileName: join(__dirname, 'test/quality/import-aliases.cjs') },
    moduleSystems: ['es6', 'cjs'],
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
};
