import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagedPrograms, postgresPrograms } from './postgres-programs.ts';
import { isRoot, nobody } from './unprivileged.ts';

/** What npm unpacked, where a server's user cannot run it; and places for a copy. */
let packaged: string;
let parents: [string, string];
let folder: string;

const user = isRoot() ? nobody : undefined;
const find = (): Promise<string> => postgresPrograms(user, packaged, parents);
const only = async (parent: string): Promise<string> => {
  const names = await readdir(parent);
  expect(names).toHaveLength(1);
  return join(parent, names[0] ?? '');
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forge-programs-'));
  await chmod(folder, 0o755);
  packaged = join(folder, 'closed/native');
  for (const name of ['bin', 'lib', 'share/zones']) {
    await mkdir(join(packaged, name), { recursive: true });
  }
  // As the real one, it does not start without a link that npm has left out.
  const program = '#!/bin/sh\ntest -e "${0%/*}/../lib/libpq.so.5"\n';
  await writeFile(join(packaged, 'bin/postgres'), program, { mode: 0o700 });
  await writeFile(join(packaged, 'lib/libpq.so.5.17'), '');
  await writeFile(join(packaged, 'share/zones/Europe'), '');
  const links = [{ source: 'native/lib/libpq.so.5.17', target: 'native/lib/libpq.so.5' }];
  await writeFile(join(packaged, 'pg-symlinks.json'), JSON.stringify(links));
  // Root is kept out of nothing, its server's user is; others cannot add the missing links.
  await chmod(isRoot() ? join(packaged, '..') : join(packaged, 'lib'), isRoot() ? 0o700 : 0o555);
});

beforeEach(async () => {
  parents = [join(folder, 'first'), join(folder, 'second')];
  for (const parent of parents) await mkdir(parent);
});

afterEach(async () => {
  for (const name of ['first', 'second']) await rm(join(folder, name), { recursive: true });
});

afterAll(async () => {
  await chmod(join(packaged, 'lib'), 0o755);
  await rm(folder, { recursive: true, force: true });
});

describe('the programs of Postgres', () => {
  it('run from where npm put them, with the links that npm leaves out', async () => {
    expect(await postgresPrograms(undefined)).toBe(packagedPrograms());
    expect(await readlink(join(packagedPrograms(), 'lib/libpq.so.5'))).toBe('libpq.so.5.17');
  });

  it('are copied once to where the server’s user can run them', async () => {
    const copy = await find();
    expect(copy).toBe(await only(parents[0]));
    const { ino } = await stat(copy);
    expect(await find()).toBe(copy);
    expect((await stat(copy)).ino).toBe(ino);
  });

  it('are ours in the copy, and nobody else can change them', async () => {
    const copy = await find();
    for (const name of ['', ...(await readdir(copy, { recursive: true }))]) {
      const { mode, uid } = await lstat(join(copy, name));
      expect([uid, name]).toEqual([process.getuid?.(), name]);
      if ((mode & 0o170_000) !== 0o120_000) expect([mode & 0o022, name]).toEqual([0, name]);
    }
  });

  it('are copied anew when something has removed a part of the copy', async () => {
    const copy = await find();
    await rm(join(copy, 'share/zones'), { recursive: true });
    expect(await find()).toBe(copy);
    expect(await readdir(join(copy, 'share'))).toEqual(['zones']);
  });

  it('are not run from a folder that others can write to', async () => {
    const planted = await find();
    await chmod(planted, 0o777);
    expect(await find()).toBe(await only(parents[1]));
  });

  it('are copied once by two who do so at the same time', async () => {
    const [one, two] = await Promise.all([find(), find()]);
    expect(two).toBe(one);
    expect(await only(parents[0])).toBe(one);
  });

  if (isRoot()) {
    it('are not run from a folder of another user', async () => {
      const planted = await find();
      await chown(planted, 64_001, 64_001);
      expect(await find()).toBe(await only(parents[1]));
    });
  }

  it('cannot be run: the reasons are given for each place', async () => {
    parents = [join(folder, 'missing'), join(folder, 'gone')];
    await expect(find()).rejects.toThrow(/cannot be run from .*missing/s);
  });
});
