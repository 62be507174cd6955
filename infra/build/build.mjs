/**
 * Compiles every product source file to dist/, keeping the folder layout, and
 * removes what no longer has a source. An output carries the time of its source,
 * so only what changed is compiled, and a second start costs a directory walk.
 *
 * Two builds at once do no harm: files are renamed into place, never half written.
 * Types are not checked here: `npm run check` does that.
 */
import { createHash, randomUUID } from 'node:crypto';
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

const here = dirname(fileURLToPath(import.meta.url));
const home = join(here, '../..');
const sources = ['gateway', 'subgraphs', 'infra', 'test/bench', 'test/kubernetes', 'test/support'];
const compiled = /(?<!\.test|\.d)\.ts$/;
const copied = /\.(html|css|js|svg|png|ico|woff2|sql|json|graphql|pl|sh)$/;
const partial = /\.partial$/;
const partialAgeMsMax = 60_000;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const count = await build();
  if (count > 0) process.stderr.write(`built ${count} files\n`);
}

/** Brings the dist/ of a folder up to date. Gives how many files were written. */
export async function build(root = home) {
  const out = join(root, 'dist');
  const stamp = await settingsStamp();
  const stampFile = join(out, '.settings');
  const sameSettings = (await readFile(stampFile, 'utf8').catch(() => '')) === stamp;
  const files = (await Promise.all(sources.map((folder) => list(join(root, folder))))).flat();
  const outputs = files.map((from) => outputOf(root, from));
  const counts = await Promise.all(outputs.map((output) => emit(output, sameSettings)));
  const wanted = new Set([stampFile]);
  for (const { to } of outputs) wanted.add(to).add(`${to}.map`).add(dirname(to));
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

function outputOf(root, from) {
  const to = join(root, 'dist', relative(root, from));
  return compiled.test(from)
    ? compilation(root, from, to.replace(compiled, '.js'))
    : { from, to, produce: async () => ({ code: await readFile(from) }) };
}

function compilation(root, from, to) {
  return { from, to, produce: () => compile(root, from, to) };
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
  const written = `${path}.${randomUUID()}.partial`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(written, content);
  if (like) await utimes(written, like.atime, like.mtime);
  await rename(written, path);
}

async function compile(root, from, to) {
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
    join(here, 'build.mjs'),
    join(here, 'swc-options.mjs'),
    join(home, 'node_modules/@swc/core/package.json'),
  ]) {
    hash.update(await readFile(file));
  }
  return hash.digest('hex');
}

async function prune(folder, wanted) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await prune(path, wanted);
      // Not one that another build is about to write into.
      if (!wanted.has(path)) await rmdir(path).catch(() => undefined);
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
