import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');

/** Files of a small made-up product, each holding what it breaks, or what is allowed. */
const planted: readonly (readonly [file: string, imports: string, rule: string | null])[] = [
  ['subgraphs/billing/domain/asks-a-store.ts', "'../store/payments.ts'", 'domain'],
  ['subgraphs/billing/domain/reads-a-file.ts', "'node:fs'", 'domain'],
  ['subgraphs/billing/domain/takes-a-package.ts', "'zod'", 'domain'],
  ['subgraphs/billing/domain/opens-the-log.ts', "'../../shared/log.ts'", 'domain'],
  ['subgraphs/billing/store/knows-the-graph.ts', "'../graph/payment.ts'", 'store'],
  ['subgraphs/billing/store/starts-a-run.ts', "'../workflows/pay.ts'", 'store'],
  ['subgraphs/billing/providers/writes-rows.ts', "'../store/payments.ts'", 'providers'],
  ['subgraphs/billing/workflows/shows-itself.ts', "'../graph/payment.ts'", 'workflows'],
  [
    'subgraphs/billing/workflows/calls-a-vendor.ts',
    "'../providers/stripe.ts'",
    'workflows-take-providers-as-arguments',
  ],
  ['subgraphs/billing/graph/calls-a-vendor.ts', "'../providers/stripe.ts'", 'graph'],
  ['subgraphs/billing/index.ts', "'../../gateway/gateway.ts'", 'subgraph-index'],
  [
    'subgraphs/billing/graph/asks-a-neighbour.ts',
    "'../../sandbox/graph/job.ts'",
    'subgraphs-meet-in-the-graph',
  ],
  [
    'subgraphs/billing/graph/neighbour.test.ts',
    "'../../sandbox/graph/job.ts'",
    'subgraphs-meet-in-the-graph',
  ],
  ['subgraphs/index.ts', "'./billing/graph/payment.ts'", 'subgraph-list'],
  ['subgraphs/shared/knows-billing.ts', "'../billing/index.ts'", 'shared'],
  ['gateway/opens-the-database.ts', "'../subgraphs/shared/db.ts'", 'gateway'],
  ['gateway/asks-billing.ts', "'../subgraphs/billing/index.ts'", 'gateway'],
  ['gateway/ships-a-fixture.ts', "'./fixtures/gateway.ts'", 'product-without-tests'],
  [
    'subgraphs/billing/store/knows-its-host.ts',
    "'../../../infra/embedded/main.ts'",
    'product-without-infra',
  ],
  ['subgraphs/billing/workflows/uses-stripe.ts', "'stripe'", 'vendor-sdks-in-providers'],
  ['subgraphs/shared/uses-kubernetes.ts', "'@kubernetes/client-node'", 'vendor-sdks-in-providers'],
  ['subgraphs/billing/graph/uses-typeorm.ts', "'typeorm'", 'sql-in-store'],
  ['gateway/uses-pg.ts', "'pg'", 'sql-in-store'],
  ['subgraphs/billing/workflows/uses-dbos.ts', "'@dbos-inc/dbos-sdk'", 'dbos-behind-workflow'],
  ['subgraphs/billing/store/uses-type-graphql.ts', "'type-graphql'", 'type-graphql-in-graph'],
  ['subgraphs/billing/graph/uses-apollo.ts', "'@apollo/subgraph'", 'apollo-in-gateway'],

  ['subgraphs/billing/domain/hashes.ts', "'node:crypto'", null],
  ['subgraphs/billing/domain/fails.ts', "'../../shared/errors.ts'", null],
  ['subgraphs/billing/store/payments.ts', "'typeorm'", null],
  ['subgraphs/billing/providers/stripe.ts', "'stripe'", null],
  ['subgraphs/billing/graph/payment.ts', "'type-graphql'", null],
  ['subgraphs/billing/graph/payment.test.ts', "'../providers/stripe.ts'", null],
  ['subgraphs/sandbox/graph/job.ts', "'../workflows/run-job.ts'", null],
  ['subgraphs/sandbox/workflows/run-job.ts', "'../../shared/errors.ts'", null],
  ['subgraphs/shared/db.ts', "'pg'", null],
  ['gateway/gateway.ts', "'@apollo/gateway'", null],
  ['gateway/fixtures/gateway.ts', "'../../subgraphs/shared/db.ts'", null],
  ['infra/embedded/main.ts', "'../../subgraphs/index.ts'", null],
];

/** A type may be had where the thing itself may not. */
const typesOnly = 'subgraphs/billing/workflows/knows-the-type.ts';

const empty = [
  'subgraphs/billing/workflows/pay.ts',
  'subgraphs/shared/errors.ts',
  'subgraphs/shared/log.ts',
];

const packages = [
  'stripe',
  '@kubernetes/client-node',
  'typeorm',
  'pg',
  '@dbos-inc/dbos-sdk',
  'type-graphql',
  '@apollo/subgraph',
  '@apollo/gateway',
  'zod',
];

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

describe('import rules', () => {
  let folder: string;
  let violations: readonly Violation[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'forge-import-rules-'));
    const write = async (path: string, text: string): Promise<void> => {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    };
    await write('package.json', '{ "type": "module" }');
    await write('tsconfig.json', '{ "compilerOptions": { "module": "NodeNext" } }');
    for (const name of packages) {
      await write(`node_modules/${name}/package.json`, `{ "name": "${name}", "main": "index.js" }`);
      await write(`node_modules/${name}/index.js`, '');
    }
    for (const path of empty) await write(path, 'export {};\n');
    for (const [path, imports] of planted) await write(path, `import ${imports};\n`);
    await write(typesOnly, "import type { Stripe } from '../providers/stripe.ts';\n");
    violations = await cruise(folder);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const broken = planted.filter(([, , rule]) => rule !== null);
  it.each(broken)('%s, importing %s, breaks the rule %s', (file, _imports, rule) => {
    expect(rulesBrokenBy(file)).toContain(rule);
  });

  const allowed = planted.filter(([, , rule]) => rule === null);
  it.each(allowed)('%s may import %s', (file) => {
    expect(rulesBrokenBy(file)).toEqual([]);
  });

  it('a workflow may import the type of a provider', () => {
    expect(rulesBrokenBy(typesOnly)).toEqual([]);
  });

  it('every rule has a planted violation', async () => {
    const config = await readFile(join(root, '.dependency-cruiser.mjs'), 'utf8');
    const names = [...config.matchAll(/(?:name: |room\(|only\(\s*)'([^']+)'/g)].map(
      ([, name]) => name,
    );
    expect(new Set(broken.map(([, , rule]) => rule))).toEqual(new Set(names));
  });

  function rulesBrokenBy(file: string): string[] {
    return violations.filter(({ from }) => from === file).map(({ rule }) => rule.name);
  }
});

describe('rules about what a file may touch', () => {
  const lint = async (file: string, text: string): Promise<string[]> => {
    const eslint = new ESLint({ cwd: root });
    const config = (await eslint.calculateConfigForFile(join(root, file))) as {
      rules: Record<string, never>;
      languageOptions: { parser: never };
    };
    // The rules of that file, without the types that the others need: this must be quick.
    const alone = new ESLint({
      cwd: root,
      overrideConfigFile: true,
      overrideConfig: {
        files: ['**/*.ts'],
        languageOptions: { parser: config.languageOptions.parser },
        rules: { 'no-restricted-syntax': config.rules['no-restricted-syntax'] },
      },
    });
    const [result] = await alone.lintText(text, { filePath: join(root, file) });
    return result?.messages.map(({ ruleId, message }) => ruleId ?? message) ?? [];
  };

  it.each([
    ['gateway/gateway.ts', 'export const port = process.env.PORT;'],
    ['gateway/gateway.ts', "export const port = process.env['PORT'];"],
    ['gateway/gateway.ts', "import { env } from 'node:process';"],
    ['subgraphs/billing/index.ts', 'const { env } = process;'],
    ['subgraphs/billing/domain/hold.ts', 'export const now = Date.now();'],
    ['subgraphs/billing/domain/hold.ts', 'export const now = new Date();'],
    ['subgraphs/billing/domain/hold.ts', 'export const dice = Math.random();'],
    ['subgraphs/billing/domain/hold.ts', "import { randomUUID } from 'node:crypto';"],
    ['subgraphs/billing/domain/hold.ts', "await fetch('http://localhost');"],
  ])('%s may not say %s', async (file, text) => {
    expect(await lint(file, text)).toEqual(['no-restricted-syntax']);
  });

  it.each([
    ['subgraphs/shared/config.ts', 'export const port = process.env.PORT;'],
    ['gateway/gateway.test.ts', 'export const port = process.env.PORT;'],
    ['subgraphs/billing/domain/hold.ts', 'export const then = new Date(0);'],
    ['subgraphs/billing/store/holds.ts', 'export const now = Date.now();'],
  ])('%s may say %s', async (file, text) => {
    expect(await lint(file, text)).toEqual([]);
  });
});

async function cruise(folder: string): Promise<readonly Violation[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
      '--config',
      join(root, '.dependency-cruiser.mjs'),
      '--output-type',
      'json',
      'gateway',
      'subgraphs',
      'infra',
    ],
    { cwd: folder, maxBuffer: 64 * 1_024 * 1_024 },
  ).catch((cause: unknown) => cause as { stdout: string });
  const { summary } = JSON.parse(stdout) as { summary: { violations: readonly Violation[] } };
  return summary.violations;
}
