import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { chmod, chown, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ask, gone, postgresStarter, serverPid } from './fixtures/postgres.ts';
import { isRoot, nobody } from './unprivileged.ts';

const starter = postgresStarter();
let dataDir: string;

beforeAll(async () => {
  dataDir = await starter.folder();
  await starter.start(dataDir);
  await starter.stopAll();
});

afterEach(starter.stopAll);
afterAll(starter.removeFolders);

describe('the folder of data', () => {
  it('is made once by two starts at the same time, and nothing half made stays', async () => {
    const folder = await starter.folder();
    await mkdir(join(folder, 'postgres.new-4194304-killed'));
    const both = await Promise.allSettled([starter.start(folder), starter.start(folder)]);
    const refusals = both.filter(({ status }) => status === 'rejected');
    expect(refusals).toHaveLength(1);
    expect(String((refusals[0] as PromiseRejectedResult).reason)).toContain('runs a database');
    expect((await readdir(folder)).sort()).toEqual(['postgres', 'postgres.log']);
  });

  it('is not used when it holds something else, or data of another version', async () => {
    const folder = await starter.folder();
    const data = join(folder, 'postgres');
    await mkdir(data, { mode: 0o700 });
    if (isRoot()) await chown(data, nobody.uid, nobody.gid);
    await expect(starter.start(folder)).rejects.toThrow('holds no Postgres data');
    await writeFile(join(data, 'PG_VERSION'), '16\n');
    await expect(starter.start(folder)).rejects.toThrow('was made by Postgres 16');
  });

  it('that is damaged is told at once, in the words of Postgres', async () => {
    const folder = await starter.folder();
    await (await starter.start(folder)).stop();
    await rm(join(folder, 'postgres/global/pg_control'));
    const asked = Date.now();
    await expect(starter.start(folder)).rejects.toThrow('could not find the database system');
    expect(Date.now() - asked).toBeLessThan(5_000);
  });
});

if (isRoot()) {
  describe('started by root', () => {
    it('runs as nobody, from data in a folder that nobody may not enter', async () => {
      expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
      await starter.start(dataDir);
      expect((await stat(`/proc/${await serverPid(dataDir)}`)).uid).toBe(nobody.uid);
    });

    it('runs as whoever owns the data already', async () => {
      const folder = await starter.folder();
      const owner = { uid: 64_001, gid: 64_001 };
      await (await starter.start(folder)).stop();
      const data = join(folder, 'postgres');
      for (const name of ['', ...(await readdir(data, { recursive: true }))]) {
        await chown(join(data, name), owner.uid, owner.gid);
      }
      const { url } = await starter.start(folder);
      expect((await stat(`/proc/${await serverPid(folder)}`)).uid).toBe(owner.uid);
      expect(await ask(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    });

    it('refuses data of root, which Postgres cannot work on', async () => {
      const folder = await starter.folder();
      await mkdir(join(folder, 'postgres'), { mode: 0o700 });
      await expect(starter.start(folder)).rejects.toThrow('belongs to user 0');
    });

    it('leaves data that another user, later, is refused with a reason', async () => {
      await chmod(dataDir, 0o755);
      const said = await starter
        .startElsewhere(dataDir, { uid: 64_001, gid: 64_001 })
        .catch(String);
      await chmod(dataDir, 0o700);
      expect(said).toContain('belongs to user 65534');
    });

    it('works the same for an ordinary user', async () => {
      const user = { uid: nobody.uid, gid: nobody.gid };
      const folder = await starter.folder();
      await chown(folder, user.uid, user.gid);
      const first = await starter.startElsewhere(folder, user);
      const pid = await serverPid(folder);
      expect((await stat(`/proc/${pid}`)).uid).toBe(user.uid);
      first.kill('SIGKILL');
      await starter.startElsewhere(folder, user);
      await gone(pid);
    });
  });
}
