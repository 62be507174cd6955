/**
 * Everything that is checked without running the product, one line a part:
 *
 *   npm run check            all parts
 *   npm run check -- lint    the parts that are named
 *
 * A part that fails says why below its line; the rest still runs.
 */
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const slowTests = ['subgraphs/shared/workflow-engine', 'gateway/subscriptions'];
const jest = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
/** The quick tests of what has no outside: the kernel, the rules, the gateway. `npm test` runs all. */
const unitTests = ['gateway/**', 'subgraphs/shared/**', 'subgraphs/*/domain/**', 'test'].map(
  (folder) => `<rootDir>/${folder}/*.test.ts`,
);

const parts = {
  format: () =>
    run('prettier', [
      '--check',
      '--cache',
      '--cache-strategy',
      'content',
      '--log-level',
      'warn',
      '.',
    ]),
  types: () => run('tsc', ['--noEmit', '--pretty', 'false']),
  lint: () => run('eslint', ['--max-warnings', '0']),
  imports: () => run('depcruise', ['--output-type', 'err-long', 'gateway', 'subgraphs', 'infra']),
  unused: () => run('knip', ['--no-progress']),
  schema: () => run('node', ['infra/build/run.mjs', 'infra/schema/main.ts', '--check']),
  unit: () =>
    run('node', [
      ...jest,
      '--silent',
      '--testMatch',
      ...unitTests,
      '--testPathIgnorePatterns',
      ...slowTests,
    ]),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in parts));
if (unknown.length > 0) {
  process.stderr.write(
    `No part is called ${unknown.join(', ')}. There are: ${Object.keys(parts).join(', ')}.\n`,
  );
  process.exit(64);
}

let failed = 0;
for (const name of asked.length > 0 ? asked : Object.keys(parts)) {
  const began = Date.now();
  const { ok, output } = await parts[name]();
  const seconds = ((Date.now() - began) / 1_000).toFixed(1);
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${seconds.padStart(5)} s\n`);
  if (!ok) {
    failed += 1;
    process.stdout.write(`\n${output.trim()}\n\n`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;

/** Runs a tool of this package and keeps what it says. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}`,
      },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    child.once('error', (cause) => resolve({ ok: false, output: String(cause) }));
    child.once('close', (code) => resolve({ ok: code === 0, output }));
  });
}
