import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../../infra/root.ts';

/** A folder with a package of its own, so that nothing of a peer is in the product's. */
export type Peer = 'hive' | 'mercurius';

/** Installs what a peer's lock file says, unless that was done before. Gives its folder. */
export async function installedPeer(peer: Peer): Promise<string> {
  const folder = join(root, 'test/bench/peers', peer);
  const lock = join(folder, 'package-lock.json');
  const installed = join(folder, 'node_modules/.installed-lock.json');
  const [wanted, found] = await Promise.all([
    readFile(lock, 'utf8'),
    readFile(installed, 'utf8').catch(() => ''),
  ]);
  if (wanted === found) return folder;
  await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
  });
  await copyFile(lock, installed);
  return folder;
}

/** The versions of packages as they are installed in a folder. */
export async function versionsIn(
  folder: string,
  names: readonly string[],
): Promise<Record<string, string>> {
  const versions = names.map(async (name) => {
    const text = await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8');
    return [name, (JSON.parse(text) as { version: string }).version] as const;
  });
  return Object.fromEntries(await Promise.all(versions));
}
