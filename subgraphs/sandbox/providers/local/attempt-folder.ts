import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptKey } from '../runner.ts';

/**
 * The folder of an attempt: all that is known of it, for whichever process
 * asks. It appears whole, with its order, and is moved aside before it is
 * deleted: half a folder is never seen under an attempt's name.
 */
export interface AttemptFolder {
  readonly path: string;
  /** The name of its cgroups. */
  readonly group: string;
}

export function attemptFolder(root: string, key: AttemptKey): AttemptFolder {
  return folderAt(join(root, 'attempts', nameOf(key)));
}

export function folderAt(path: string): AttemptFolder {
  const digest = createHash('sha256').update(path).digest('hex');
  return { path, group: `forge-${digest.slice(0, 24)}` };
}

/** Puts the folder there with its order. False if there is one already: its order counts. */
export async function createFolder(
  root: string,
  folder: AttemptFolder,
  order: Uint8Array,
): Promise<boolean> {
  if (await exists(folder.path)) return false;
  const draft = join(root, 'drafts', randomUUID());
  await mkdir(join(root, 'attempts'), { recursive: true, mode: 0o700 });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  await writeFile(join(draft, 'order'), order, { mode: 0o600 });
  try {
    await rename(draft, folder.path);
    return true;
  } catch (cause) {
    await rm(draft, { recursive: true, force: true });
    if (['EEXIST', 'ENOTEMPTY'].includes(codeOf(cause) ?? '')) return false;
    throw cause;
  }
}

export async function listFolders(root: string): Promise<{ key: AttemptKey; createdAt: Date }[]> {
  const names = await readdir(join(root, 'attempts')).catch(unlessMissing);
  const found = await Promise.all(
    (names ?? []).map(async (name) => {
      const key = keyOf(name);
      const order = await stat(join(root, 'attempts', name, 'order')).catch(() => undefined);
      return key && order ? [{ key, createdAt: order.mtime }] : [];
    }),
  );
  return found.flat();
}

/**
 * Whether the supervisor of the folder is alive: it holds one end of a pipe
 * open, and the kernel lets go of it with the process, however that ended.
 * `tell` writes it a word at the same time.
 */
export async function isSupervised(folder: AttemptFolder, tell?: 'S' | 'X'): Promise<boolean> {
  const flags = constants.O_WRONLY | constants.O_NONBLOCK;
  const control = await open(join(folder.path, 'control'), flags).catch((cause: unknown) => {
    if (['ENOENT', 'ENXIO'].includes(codeOf(cause) ?? '')) return undefined;
    throw cause;
  });
  if (!control) return false;
  try {
    if (tell) await control.write(tell);
    return true;
  } catch (cause) {
    if (codeOf(cause) === 'EPIPE') return false;
    throw cause;
  } finally {
    await control.close();
  }
}

export async function readText(path: string): Promise<string | undefined> {
  return (await readFile(path, 'utf8').catch(unlessMissing)) ?? undefined;
}

export async function replaceFile(path: string, text: string): Promise<void> {
  const partial = `${path}.${randomUUID()}`;
  await writeFile(partial, text, { mode: 0o600 });
  await rename(partial, path);
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(unlessMissing)) !== undefined;
}

export function unlessMissing(cause: unknown): undefined {
  if (codeOf(cause) === 'ENOENT') return undefined;
  throw cause;
}

export function codeOf(cause: unknown): string | undefined {
  const isObject = typeof cause === 'object' && cause !== null;
  return isObject && 'code' in cause ? String(cause.code) : undefined;
}

function nameOf({ jobId, attempt }: AttemptKey): string {
  return `${encodeURIComponent(jobId).replaceAll('.', '%2E')}.${String(attempt)}`;
}

function keyOf(name: string): AttemptKey | undefined {
  const [, jobId, attempt] = /^([^.]+)\.([0-9]+)$/.exec(name) ?? [];
  if (jobId === undefined || attempt === undefined) return undefined;
  return { jobId: decodeURIComponent(jobId), attempt: Number(attempt) };
}
