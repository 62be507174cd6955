import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ForgeError } from '../../shared/errors.ts';
import { ContentChanged, verified } from '../domain/artifact-content.ts';
import type { SaidContent } from '../domain/artifact-content.ts';
import type { ArtifactStorage, StorageCall } from './artifact-storage.ts';

/**
 * Keeps artifacts in a folder that all processes of the product share.
 *
 * A content is written beside its place, flushed, and renamed into it: whoever
 * looks sees all of it or nothing. What a kill left half-written goes with
 * `remove` of the same key. Only this user can read any of it.
 */
export function folderStorage(root: string): ArtifactStorage {
  const pathOf = (key: string): string => resolve(root, ...key.split('/'));
  return {
    name: 'folder',
    put: (key, said, call) => usable(call, () => put(pathOf(key), said, call?.signal)),
    open: (key, { start, end }, call) =>
      usable(call, async () => {
        const path = pathOf(key);
        if (!(await isThere(path))) return undefined;
        // The end of a range of a stream is its last byte: it cannot be empty.
        return end <= start ? nothing() : createReadStream(path, { start, end: end - 1 });
      }),
    remove: (key, call) => usable(call, () => remove(pathOf(key))),
    close: () => Promise.resolve(),
  };
}

async function put(path: string, said: SaidContent, signal: AbortSignal | undefined) {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const partial = `${path}.${randomBytes(6).toString('hex')}${partialEnd}`;
  const file = await open(partial, 'wx', 0o600);
  try {
    try {
      for await (const piece of verified(said)) {
        signal?.throwIfAborted();
        await writeAll(file, piece);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
    await flushFolder(folder);
  } catch (cause) {
    await rm(partial, { force: true });
    throw cause;
  }
}

const partialEnd = '.partial';

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) {
    at += (await file.write(piece, at, piece.length - at)).bytesWritten;
  }
}

/** A name survives a loss of power once its folder is flushed. */
async function flushFolder(folder: string): Promise<void> {
  const file = await open(folder, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function remove(path: string): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(unlessMissing([]));
  const name = basename(path);
  const isOfKey = (one: string): boolean =>
    one === name || (one.startsWith(`${name}.`) && one.endsWith(partialEnd));
  for (const one of names.filter(isOfKey)) await rm(join(folder, one), { force: true });
}

async function isThere(path: string): Promise<boolean> {
  const found = await stat(path).catch(unlessMissing(undefined));
  return found !== undefined;
}

function unlessMissing<T>(instead: T): (cause: unknown) => T {
  return (cause) => {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return instead;
    throw cause;
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // An empty file has no pieces.
}

/** A disk that is full or gone may be there again later. */
async function usable<T>(call: StorageCall | undefined, ask: () => Promise<T>): Promise<T> {
  call?.signal?.throwIfAborted();
  try {
    return await ask();
  } catch (cause) {
    call?.signal?.throwIfAborted();
    if (cause instanceof ContentChanged || !isOfDisk(cause)) throw cause;
    const message = 'The folder of artifacts cannot be used.';
    throw new ForgeError('PROVIDER_UNAVAILABLE', message, { cause, retryable: true });
  }
}

/** Whether a call of the system failed. */
function isOfDisk(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'syscall' in cause && 'errno' in cause;
}
