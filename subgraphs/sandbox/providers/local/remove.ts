import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { codeOf, folderAt, readText, unlessMissing } from './attempt-folder.ts';
import type { AttemptFolder } from './attempt-folder.ts';
import { endEverything } from './supervisor.ts';

/**
 * Removes an attempt: its processes, its cgroups, its folder.
 *
 * The folder is moved out of sight before it is deleted, and its order goes
 * first: a supervisor that is being started in this very moment either finds no
 * order, or is found here and ended.
 */
export async function removeAttempt(
  root: string,
  folder: AttemptFolder,
  signal?: AbortSignal,
): Promise<void> {
  await endEverything(folder, signal);
  const grave = join(root, 'drafts', randomUUID());
  await mkdir(join(root, 'drafts'), { recursive: true, mode: 0o700 });
  await rename(folder.path, grave).catch(unlessMissing);
  await bury(grave, folder.group);
}

/** Removes what a crash left half made or half removed. */
export async function removeOldDrafts(root: string, now: Date): Promise<void> {
  const drafts = join(root, 'drafts');
  for (const name of (await readdir(drafts).catch(unlessMissing)) ?? []) {
    const path = join(drafts, name);
    const found = await stat(path).catch(unlessMissing);
    if (found && now.getTime() - found.ctimeMs > draftAgeMsMax) await bury(path);
  }
}

const draftAgeMsMax = 600_000;

async function bury(path: string, group?: string): Promise<void> {
  await rm(join(path, 'order'), { force: true });
  await endEverything(folderAt(path));
  const groups = (await readText(join(path, 'groups'))) ?? '';
  for (const folder of new Set(groups.split('\n'))) {
    const isOurs =
      group === undefined ? ourGroup.test(basename(folder)) : basename(folder) === group;
    if (isOurs) await removeGroup(folder);
  }
  await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}

const ourGroup = /^forge-[0-9a-f]{24}$/;

/** Processes that were killed may take a moment to leave their group. */
async function removeGroup(path: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await rmdir(path);
      return;
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return;
      if (codeOf(cause) !== 'EBUSY' || tries === 100) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
