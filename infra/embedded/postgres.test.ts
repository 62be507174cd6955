import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { sleep } from '../../subgraphs/shared/time.ts';
import { ask, gone, guardsOf, postgresStarter, serverPid } from './fixtures/postgres.ts';
import { superuser } from './postgres-cluster.ts';
import { isAlive } from './postgres-previous.ts';
import { isRoot, nobody } from './unprivileged.ts';

const starter = postgresStarter();
let dataDir: string;

beforeAll(async () => {
  dataDir = await starter.folder();
  const { url } = await starter.start(dataDir);
  await ask(url, 'create table kept (what text); insert into kept values ($$før$$)');
  await starter.stopAll();
});

afterEach(starter.stopAll);
afterAll(starter.removeFolders);

describe('the embedded Postgres', () => {
  it('keeps its data from one start to the next', async () => {
    const first = await starter.start(dataDir);
    expect(await ask(first.url, 'select what from kept')).toEqual([{ what: 'før' }]);
    await ask(first.url, "insert into kept values ('second')");
    await first.stop();
    const second = await starter.start(dataDir);
    expect(await ask(second.url, 'select count(*)::int as rows from kept')).toEqual([{ rows: 2 }]);
  });

  it('is durable, speaks UTF-8 and UTC, and sorts the same everywhere', async () => {
    const { url } = await starter.start(dataDir);
    expect(
      await ask(
        url,
        `select current_setting('fsync') as fsync, current_setting('TimeZone') as zone,
           current_setting('synchronous_commit') as commits, current_setting('full_page_writes') as pages,
           current_setting('server_encoding') as encoding, current_setting('max_connections') as connections,
           (select datcollate || datlocale from pg_database where datname = current_database()) as locale`,
      ),
    ).toEqual([
      {
        fsync: 'on',
        commits: 'on',
        pages: 'on',
        zone: 'UTC',
        encoding: 'UTF8',
        connections: '120',
        locale: 'CC.UTF-8',
      },
    ]);
  });

  it('gives the product a role that is no superuser and cannot get round row-level security', async () => {
    const { url } = await starter.start(dataDir);
    const roles =
      'select rolname, rolsuper, rolbypassrls from pg_roles where rolname = current_user';
    expect(await ask(url, roles)).toEqual([
      { rolname: 'forge', rolsuper: false, rolbypassrls: false },
    ]);
    await expect(ask(url, "copy (select 1) to program 'id'")).rejects.toThrow('permission denied');
  });

  it.each(['forge', superuser])('lets nobody in as %s without the password', async (role) => {
    const { url } = await starter.start(dataDir);
    const wrong = new URL(url);
    wrong.username = role;
    wrong.password = 'guessed';
    await expect(ask(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
    const { mode } = await stat(join(dataDir, 'postgres/forge.password'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('stops while clients are connected and in the middle of something', async () => {
    const postgres = await starter.start(dataDir);
    const client = new Client(postgres.url);
    client.on('error', () => undefined);
    await client.connect();
    await client.query("begin; insert into kept values ('never committed')");
    const asked = Date.now();
    await postgres.stop();
    expect(Date.now() - asked).toBeLessThan(2_000);
    const { url } = await starter.start(dataDir);
    const lost = "select count(*)::int as rows from kept where what = 'never committed'";
    expect(await ask(url, lost)).toEqual([{ rows: 0 }]);
  });

  it('tells when the server is killed, and has what was committed at the next start', async () => {
    const killed = await starter.start(dataDir);
    const client = new Client(killed.url);
    client.on('error', () => undefined);
    await client.connect();
    await client.query("insert into kept values ('committed')");
    const told = new Promise<string>((resolve) => {
      killed.onExit(resolve);
    });
    process.kill(await serverPid(dataDir), 'SIGKILL');
    expect(await told).toContain('SIGKILL');
    const { url } = await starter.start(dataDir);
    const found = "select count(*)::int as rows from kept where what = 'committed'";
    expect(await ask(url, found)).toEqual([{ rows: 1 }]);
  });

  it('does not tell of an end that was asked for', async () => {
    const postgres = await starter.start(dataDir);
    let told = false;
    postgres.onExit(() => {
      told = true;
    });
    await postgres.stop();
    await sleep(20);
    expect(told).toBe(false);
  });

  it('ends when its starter is killed, and starts again', async () => {
    const other = await starter.startElsewhere(dataDir);
    const pid = await serverPid(dataDir);
    other.kill('SIGKILL');
    await gone(pid);
    const { url } = await starter.start(dataDir);
    expect(await ask(url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('ends when its starter ends without stopping it', async () => {
    const other = await starter.startElsewhere(dataDir);
    const pid = await serverPid(dataDir);
    other.stdin?.end();
    await gone(pid);
    expect(other.signalCode).toBeNull();
  });

  it('stops a server that has outlived its killed starter', async () => {
    const other = await starter.startElsewhere(dataDir);
    const pid = await serverPid(dataDir);
    for (const guard of await guardsOf(pid)) process.kill(guard, 'SIGKILL');
    other.kill('SIGKILL');
    await gone(other.pid ?? 0);
    expect(isAlive(pid)).toBe(true);
    const { url } = await starter.start(dataDir);
    await gone(pid);
    expect(await ask(url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('refuses a second start on the same folder and leaves the first alone', async () => {
    const { url } = await starter.start(dataDir);
    await expect(starter.start(dataDir)).rejects.toThrow(`Process ${process.pid} runs a database`);
    expect(await ask(url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('takes no other process for its server when the id was given again', async () => {
    const other = spawn('sleep', ['60'], isRoot() ? nobody : {});
    const note = join(dataDir, 'postgres/postmaster.pid');
    await writeFile(note, `${other.pid ?? 0}\n/elsewhere\n1\n1\n\n\n\nready\n`);
    const { url } = await starter.start(dataDir);
    expect(await ask(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(isAlive(other.pid ?? 0)).toBe(true);
    other.kill();
  });

  it('waits for a port that is about to be free', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => {
      holder.listen(0, '127.0.0.1', resolve);
    });
    const { port } = holder.address() as AddressInfo;
    setTimeout(() => {
      holder.close();
    }, 300);
    const { url } = await starter.start(dataDir, { port });
    expect(new URL(url).port).toBe(String(port));
  });

  it('takes data back that others were allowed to read', async () => {
    const folder = join(dataDir, 'postgres');
    await chmod(folder, 0o755);
    await starter.start(dataDir);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('hands nothing of our environment to the server', async () => {
    await starter.start(dataDir);
    const environment = await readFile(`/proc/${await serverPid(dataDir)}/environ`, 'utf8').catch(
      () => '',
    );
    expect(environment).not.toContain('FORGE_TEST_RUN');
  });
});
