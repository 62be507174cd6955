/**
 * Compiles every product source file to dist/, keeping the folder layout, and
 * removes what no longer has a source. Only files newer than their output are
 * compiled, so that a second start costs a directory walk.
 *
 * Types are not checked here: `npm run check` does that.
 */
import { transform } from '@swc/core';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { swcOptions } from './swc-options.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const out = join(root, 'dist');
const sources = ['gateway', 'subgraphs', 'infra', 'test/bench', 'test/support'];
const copied = /\.(html|css|sql|json|pl|sh)$/;

const wanted = new Set();
let compiled = 0;

for (const folder of sources) await walk(join(root, folder));
await prune(out);
if (compiled > 0) process.stderr.write(`built ${compiled} files\n`);

async function walk(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'fixtures') await walk(path);
      } else if (/\.ts$/.test(entry.name) && !/\.(test|d)\.ts$/.test(entry.name)) {
        await emit(path, path.replace(/\.ts$/, '.js'), compile);
      } else if (copied.test(entry.name)) {
        await emit(path, path, (source) => ({ code: source }));
      }
    }),
  );
}

async function emit(source, target, produce) {
  const destination = join(out, relative(root, target));
  wanted.add(destination);
  const [from, to] = await Promise.all([stat(source), stat(destination).catch(() => undefined)]);
  if (to && to.mtimeMs >= from.mtimeMs && to.mtimeMs >= (await settingsChangedMs())) return;
  const { code, map } = await produce(await readFile(source, 'utf8'), source);
  await mkdir(dirname(destination), { recursive: true });
  if (map) {
    wanted.add(`${destination}.map`);
    await replace(`${destination}.map`, map);
    await replace(destination, `${code}\n//# sourceMappingURL=${target.split('/').pop()}.map\n`);
  } else {
    await replace(destination, code);
  }
  compiled += 1;
}

/** Renames into place, so that two builds at once never leave half a file. */
async function replace(path, text) {
  const partial = `${path}.${process.pid}`;
  await writeFile(partial, text);
  await rename(partial, path);
}

async function compile(source, path) {
  const { code, map } = await transform(source, {
    ...swcOptions,
    filename: relative(root, path),
    sourceMaps: true,
    configFile: false,
    swcrc: false,
  });
  return {
    code: code.replace(/((?:from|import\(|import)\s*["'])(\.{1,2}\/[^"']+)\.ts(["'])/g, '$1$2.js$3'),
    map,
  };
}

async function settingsChangedMs() {
  settingsChangedMs.value ??= Math.max(
    ...(await Promise.all(
      ['build.mjs', 'swc-options.mjs'].map(async (name) =>
        (await stat(join(root, 'infra/build', name))).mtimeMs,
      ),
    )),
  );
  return settingsChangedMs.value;
}

async function prune(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await prune(path);
    else if (!wanted.has(path) && !wanted.has(path.replace(/\.map$/, ''))) await rm(path);
  }
}
