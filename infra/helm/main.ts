import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { root } from '../root.ts';
import { chartFiles } from './chart-files.ts';
import { renderedDifferences } from './rendered.ts';

/**
 * Writes those files of the chart that follow from the code; with `--check` it
 * writes nothing and fails when one is not what the code says. With a Helm at
 * hand it renders the chart as well and compares what comes out:
 *
 *   node infra/build/run.mjs infra/helm/main.ts [--check] [--helm /usr/bin/helm]
 */
const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, helm: { type: 'string' } },
});
const folder = join(root, 'infra/helm/forge');

const stale: string[] = [];
for (const [name, text] of chartFiles()) {
  const path = join(folder, name);
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) continue;
  stale.push(name);
  if (values.check) continue;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
if (values.check && stale.length > 0) {
  process.stderr.write(
    `The chart is not what the code says: ${stale.join(', ')}. Run: node infra/build/run.mjs infra/helm/main.ts\n`,
  );
  process.exitCode = 1;
}

const differences = values.helm === undefined ? [] : await renderedDifferences(values.helm);
if (differences.length > 0) {
  process.stderr.write(
    `The rendered chart is not what the code says:\n${differences.join('\n')}\n`,
  );
  process.exitCode = 1;
}
