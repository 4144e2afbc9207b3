import tseslint from 'typescript-eslint';

/** What a reader may not meet anywhere: marks of unfinished work, and loose comparisons. */
const everywhere = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-debugger': 'error',
  'no-else-return': ['error', { allowElseIf: false }],
  'no-unneeded-ternary': 'error',
  'no-useless-rename': 'error',
  'no-var': 'error',
  'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'], location: 'anywhere' }],
  'object-shorthand': 'error',
  'prefer-const': 'error',
};

/** Interfaces and classes say what they are for, not what kind of thing they are. */
const names = [
  'error',
  { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z][a-z]', match: false } },
  { selector: 'class', format: ['PascalCase'], custom: { regex: '(Impl|Manager|Helper|Utils?)$', match: false } },
  { selector: ['typeAlias', 'typeParameter', 'enum'], format: ['PascalCase'] },
];

const typed = {
  '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
  '@typescript-eslint/consistent-type-exports': 'error',
  '@typescript-eslint/no-import-type-side-effects': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  '@typescript-eslint/naming-convention': names,
  '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': true, minimumDescriptionLength: 10 }],
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  // A Nest module is a class with a decorator and nothing in it.
  '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
  // A constructor may be there to narrow what its parent takes.
  '@typescript-eslint/no-useless-constructor': 'off',
  // `return next(error)` is how a handler of Express ends, and `() => void work()` reads well.
  '@typescript-eslint/no-confusing-void-expression': 'off',
  // A unit of work may answer something or nothing.
  '@typescript-eslint/no-invalid-void-type': 'off',
  // `rows<Row>(query)` says what a query answers, which no parameter could.
  '@typescript-eslint/no-unnecessary-type-parameters': 'off',
  // Requests of Express are those of Node with more to them: same shape, no common constructor.
  '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
  // `[...text]` is how code points are counted, and `{ ...body }` makes a plain object of a DTO on purpose.
  '@typescript-eslint/no-misused-spread': 'off',
  // Numbers and booleans in a text are what they look like; objects, null and undefined are not.
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  // Interfaces of Nest and TypeORM ask for promises that some implementations have no need to wait for.
  '@typescript-eslint/require-await': 'off',
  '@typescript-eslint/no-unused-vars': ['error', { args: 'after-used', ignoreRestSiblings: true, caughtErrors: 'all' }],
};

/** Lines, as STYLE puts it: a service is split at 250, no other file goes past 400. Functions are about 40 lines; 60 is where a table-like one ends. */
const sizes = (lines) => ({
  'max-lines': ['error', { max: lines }],
  'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
});

const focusedOrSkipped = ['describe', 'it', 'test'].flatMap((object) =>
  ['only', 'skip', 'todo', 'failing'].map((property) => ({ object, property, message: 'Every test runs, or it is not there.' })),
);

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', '.local/', 'coverage/', '**/generated/'] },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  { files: ['**/*.{ts,js,mjs,cjs}'], rules: everywhere },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: { ...typed, ...sizes(400) },
  },
  { files: ['**/*.service.ts'], rules: sizes(250) },
  { files: ['libs/**/*.ts', 'apps/**/*.ts'], rules: { 'no-console': 'error' } },
  // What talks to a person at a terminal may.
  { files: ['apps/local/**', 'apps/connector-postgres/**', '**/*-cli.ts'], rules: { 'no-console': 'off' } },
  // One statement of SQL after another is the whole of a migration.
  { files: ['libs/database/migrations/**'], rules: { 'max-lines-per-function': 'off' } },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', '**/*.spec.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-properties': ['error', ...focusedOrSkipped],
      'no-restricted-globals': ['error', 'xit', 'fit', 'xdescribe', 'fdescribe', 'xtest'],
      // A test that finds nothing where it expects something fails anyway.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // expect(service.method) and supertest's chains.
      '@typescript-eslint/unbound-method': 'off',
      // What beforeAll was to make is not there where it failed, and afterAll runs all the same.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // The body of an answer is unknown to types and what a test is there to look into: a member that is not there fails it.
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      // Takes a member out of a good example to make a bad one.
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-deprecated': 'off',
    },
  },
);
