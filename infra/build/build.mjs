/**
 * Compiles every product source file to dist/, keeping the folder layout, and
 * removes what no longer has a source. An output carries the time of its source,
 * so only what changed is compiled, and a second start costs a directory walk.
 *
 * Two builds at once do no harm: files are renamed into place, never half written.
 * Types are not checked here: `npm run check` does that.
 */
import { createHash } from 'node:crypto';
import {
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { swcOptions } from './swc-options.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const out = join(root, 'dist');
const sources = ['gateway', 'subgraphs', 'infra', 'test/bench', 'test/support'];
const compiled = /(?<!\.test|\.d)\.ts$/;
const copied = /\.(html|css|js|svg|png|ico|woff2|sql|json|graphql|pl|sh)$/;
const partial = /\.partial$/;
const partialAgeMsMax = 60_000;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const count = await build();
  if (count > 0) process.stderr.write(`built ${count} files\n`);
}

/** Brings dist/ up to date. Gives how many files were written. */
export async function build() {
  const stamp = await settingsStamp();
  const stampFile = join(out, '.settings');
  const sameSettings = (await readFile(stampFile, 'utf8').catch(() => '')) === stamp;
  const files = (await Promise.all(sources.map((folder) => list(join(root, folder))))).flat();
  const outputs = files.map(outputOf);
  const counts = await Promise.all(outputs.map((output) => emit(output, sameSettings)));
  const wanted = new Set([stampFile]);
  for (const { to } of outputs) wanted.add(to).add(`${to}.map`);
  await prune(out, wanted);
  if (!sameSettings) await replace(stampFile, stamp);
  return counts.filter(Boolean).length;
}

async function list(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = entries.map((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : list(path);
    return compiled.test(entry.name) || copied.test(entry.name) ? [path] : [];
  });
  return (await Promise.all(found)).flat();
}

function outputOf(from) {
  const to = join(out, relative(root, from));
  return compiled.test(from)
    ? compilation(from, to.replace(compiled, '.js'))
    : { from, to, produce: async () => ({ code: await readFile(from) }) };
}

function compilation(from, to) {
  return { from, to, produce: () => compile(from, to) };
}

async function emit({ from, to, produce }, sameSettings) {
  const [source, made] = await Promise.all([stat(from), stat(to).catch(() => undefined)]);
  if (sameSettings && made && sameMoment(made, source)) return false;
  const { code, map } = await produce();
  await mkdir(dirname(to), { recursive: true });
  if (map) await replace(`${to}.map`, map);
  await replace(to, code, source);
  return true;
}

/** File systems keep times to different precisions. */
function sameMoment(made, source) {
  return Math.abs(made.mtimeMs - source.mtimeMs) < 2;
}

async function replace(path, content, like) {
  const written = `${path}.${process.pid}.partial`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(written, content);
  if (like) await utimes(written, like.atime, like.mtime);
  await rename(written, path);
}

async function compile(from, to) {
  const { transform } = await import('@swc/core');
  const { code, map } = await transform(await readFile(from, 'utf8'), {
    ...swcOptions,
    jsc: { ...swcOptions.jsc, rewriteRelativeImportExtensions: true },
    filename: relative(root, from),
    sourceFileName: relative(dirname(to), from),
    sourceMaps: true,
    configFile: false,
    swcrc: false,
  });
  return { code: `${code}\n//# sourceMappingURL=${basename(to)}.map\n`, map };
}

/** Changes when anything changes that all outputs depend on. */
async function settingsStamp() {
  const hash = createHash('sha256');
  for (const file of [
    'infra/build/build.mjs',
    'infra/build/swc-options.mjs',
    'node_modules/@swc/core/package.json',
  ]) {
    hash.update(await readFile(join(root, file)));
  }
  return hash.digest('hex');
}

async function prune(folder, wanted) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await prune(path, wanted);
      await rmdir(path).catch(() => undefined);
    } else if (!wanted.has(path) && !(partial.test(path) && (await isYoung(path)))) {
      await rm(path, { force: true });
    }
  }
}

/** Another build may be writing it. */
async function isYoung(path) {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.ctimeMs < partialAgeMsMax;
}
