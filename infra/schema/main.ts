import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { subgraphNames } from '../../subgraphs/index.ts';
import { permissions } from '../../subgraphs/shared/access.ts';
import { root } from '../root.ts';
import { lintSubgraph } from './lint.ts';
import { supergraphFiles } from './supergraph.ts';

/**
 * Writes schema/ from the code; with `--check` it writes nothing and fails when
 * what is there is not what the code says. What composes and should not be there
 * is told, and errors among it are refused.
 */
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const folder = join(root, 'schema');
const files = await supergraphFiles();
const options = { knownScopes: new Set<string>(permissions) };
const findings = subgraphNames.flatMap((name) =>
  lintSubgraph(name, files.get(`${name}.graphql`) ?? '', options),
);
for (const { severity, rule, subgraph, at, message } of findings) {
  process.stderr.write(`${severity} ${rule} ${subgraph} ${at}: ${message}\n`);
}
if (findings.some(({ severity }) => severity === 'error')) process.exit(1);

if (values.check) {
  const stale: string[] = [];
  for (const [name, text] of files) {
    const kept = await readFile(join(folder, name), 'utf8').catch(() => undefined);
    if (kept !== text) stale.push(name);
  }
  if (stale.length > 0) {
    process.stderr.write(
      `schema/ is not what the code says: ${stale.join(', ')}. Run: npm run schema\n`,
    );
    process.exitCode = 1;
  }
} else {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of files) await writeFile(join(folder, name), text);
}
