import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from './postgres-previous.ts';
import { postgresPrograms } from './postgres-programs.ts';
import { isRoot, nobody, run, spawnOptions } from './unprivileged.ts';
import type { User } from './unprivileged.ts';

/** The owner of all, for whoever looks after the server. The product never works as this role. */
export const superuser = 'postgres';
/** The role of the product and the name of its database: may make roles, not get round row-level security. */
export const product = 'forge';

/** A folder of data, and what is needed to run a server on it. */
export interface Cluster {
  readonly folder: string;
  readonly programs: string;
  /** Who owns the data and runs the server; undefined: ourselves. */
  readonly user: User | undefined;
  readonly password: string;
}

const majorVersion = '17';

/**
 * Finds the data in `<dataDir>/postgres`, or makes it.
 *
 * Postgres refuses to run as root. Started by root, data and server belong to an
 * unprivileged user: to whoever owns the data already, else to `nobody`.
 *
 * New data is made beside its place and renamed into it when it is whole, so a
 * crash leaves nothing half made, and of two starts at once one makes it.
 */
export async function openCluster(dataDir: string): Promise<Cluster> {
  if (process.platform === 'win32') {
    throw new Error('The embedded Postgres does not run on Windows. Set DATABASE_URL.');
  }
  if (isRoot() && process.platform !== 'linux') {
    throw new Error('The embedded Postgres does not run as root here. Start as another user.');
  }
  const folder = join(dataDir, 'postgres');
  const found = await stat(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  const user = isRoot() ? (found ?? nobody) : undefined;
  const owner = user && { uid: user.uid, gid: user.gid };
  if (found) await checkOwner(folder, found);
  const programs = await postgresPrograms(owner);
  if (!found) await makeCluster(dataDir, folder, programs, owner);
  await checkVersion(folder);
  const password = (await readFile(join(folder, passwordFile), 'utf8')).trim();
  return { folder, programs, user: owner, password };
}

/**
 * How a Postgres program is told its data folder.
 *
 * Root starts it inside of the folder and lets it go on from there as its user,
 * who then needs no way to it from outside: the folder may lie in root's home.
 */
export function dataFolderFor(folder: string, user: User | undefined): string {
  return user ? '/proc/self/cwd' : folder;
}

const passwordFile = 'forge.password';

async function checkOwner(
  folder: string,
  { uid, mode }: { readonly uid: number; readonly mode: number },
): Promise<void> {
  const us = process.getuid?.();
  if (isRoot() ? uid === 0 : uid !== us) {
    throw new Error(
      `${folder} belongs to user ${uid}, and Postgres cannot work on it when user ${String(us)} starts it. ` +
        'Start as the user who did so the first time, or set FORGE_DATA_DIR to another folder.',
    );
  }
  // Postgres refuses data that others can read.
  if ((mode & 0o077) !== 0) await chmod(folder, 0o700);
}

async function checkVersion(folder: string): Promise<void> {
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch((cause: unknown) => {
    throw new Error(`${folder} holds no Postgres data. Move it away and start again.`, { cause });
  });
  if (version.trim() === majorVersion) return;
  throw new Error(
    `${folder} was made by Postgres ${version.trim()}, this is ${majorVersion}. ` +
      'Set FORGE_DATA_DIR to another folder, or DATABASE_URL to a server of the older version.',
  );
}

async function makeCluster(
  dataDir: string,
  folder: string,
  programs: string,
  user: User | undefined,
): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const made = join(dataDir, `postgres.new-${process.pid}-${randomBytes(4).toString('hex')}`);
  await mkdir(made, { mode: 0o700 });
  try {
    if (user) await chown(made, user.uid, user.gid);
    await fillCluster(made, programs, user);
    await rename(made, folder).catch((error: unknown) => {
      const { code = '' } = error as NodeJS.ErrnoException;
      // Another start was faster.
      if (!['ENOTEMPTY', 'EEXIST'].includes(code)) throw error;
    });
  } finally {
    await rm(made, { recursive: true, force: true });
    await removeHalfMade(dataDir);
  }
}

async function fillCluster(
  folder: string,
  programs: string,
  user: User | undefined,
): Promise<void> {
  const options = spawnOptions(user, folder);
  const data = dataFolderFor(folder, user);
  // Nobody can log in without the password: what says so is written before the first start.
  const asked = ['--auth=trust', `--username=${superuser}`, '--no-sync', '--no-instructions'];
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin'];
  const all = ['-D', data, ...asked, ...locale, '--builtin-locale=C.UTF-8'];
  await run(join(programs, 'bin/initdb'), all, options);

  const password = randomBytes(24).toString('base64url');
  const logins = `host all all 127.0.0.1/32 scram-sha-256\n`;
  await writeFile(join(folder, 'pg_hba.conf'), logins, { mode: 0o600 });
  await writeFile(join(folder, passwordFile), `${password}\n`, { mode: 0o600 });
  if (user) await chown(join(folder, passwordFile), user.uid, user.gid);

  const statements = [
    `alter role ${superuser} password '${password}'`,
    `create role ${product} login createdb createrole password '${password}'`,
    `create database ${product} owner ${product}`,
  ];
  const single = ['--single', '-D', data, '-c', 'fsync=off', '-c', 'exit_on_error=on', 'template1'];
  await run(join(programs, 'bin/postgres'), single, options, `${statements.join('\n')}\n`);
}

/** Removes what starts left that were killed while they made new data. */
async function removeHalfMade(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const [, pid] = /^postgres[.]new-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(dataDir, name), { recursive: true, force: true });
  }
}
