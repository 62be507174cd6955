import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const sources = ['gateway/**/*.ts', 'subgraphs/**/*.ts', 'infra/**/*.ts', 'test/**/*.ts'];
const tests = ['**/*.test.ts', '**/fixtures/**', 'test/**'];

/** Everything read from the environment passes one place, where it is checked and documented. */
const noEnvironment = [
  { selector: "MemberExpression[object.name='process'][property.name='env']" },
  { selector: "MemberExpression[object.name='process'][property.value='env']" },
  {
    selector: "VariableDeclarator[init.name='process'] > ObjectPattern > Property[key.name='env']",
  },
  { selector: "ImportDeclaration[source.value=/^(node:)?process$/] [imported.name='env']" },
].map((rule) => ({
  ...rule,
  message: 'Read it in subgraphs/shared/config.ts and pass it as an argument.',
}));

/** A rule that reads a clock or throws dice cannot be tested by a table, nor replayed. */
const noClockNorDice = [
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']" },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]" },
  { selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']" },
  { selector: "CallExpression[callee.object.name='performance']" },
  { selector: 'CallExpression[callee.name=/^(setTimeout|setInterval|setImmediate|fetch)$/]' },
  { selector: 'ImportSpecifier[imported.name=/^(randomUUID|randomBytes|randomInt)$/]' },
  { selector: "MemberExpression[object.name='process']" },
].map((rule) => ({ ...rule, message: 'domain/ has no clock, no dice and no I/O: pass it in.' }));

export default defineConfig(
  globalIgnores(['dist/', 'node_modules/', 'coverage/', '.forge/', 'schema/', '**/*.js']),
  {
    files: sources,
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
    ],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-syntax': ['error', ...noEnvironment],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'separate-type-imports' },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^$', ignoreRestSiblings: true },
      ],
      // A number in a message reads as it should.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // An async function without await answers with a rejection where a plain one would throw.
      '@typescript-eslint/require-await': 'off',
      // Only a type alias is assignable to JsonValue, an interface is not.
      '@typescript-eslint/consistent-type-definitions': 'off',
    },
  },
  {
    files: ['subgraphs/*/domain/**/*.ts'],
    ignores: tests,
    rules: { 'no-restricted-syntax': ['error', ...noEnvironment, ...noClockNorDice] },
  },
  {
    // An input of the graph is a class for its decorators' sake; whatever has its fields will do.
    files: ['subgraphs/*/graph/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
    },
  },
  {
    // The second one sets a variable that ApolloGateway has no option for.
    files: ['subgraphs/shared/config.ts', 'gateway/pipeline/stock-gateway.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    // A describe block is one function, however many promises it holds.
    files: tests,
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-syntax': 'off',
      // expect(fake.method) does not call it.
      '@typescript-eslint/unbound-method': 'off',
      // A stream that stays silent.
      'require-yield': 'off',
    },
  },
);
