import { afterEach, describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import process from 'node:process';
import { freePort } from '../../../../test/support/product.ts';
import type { SandboxUnderTest } from '../../fixtures/sandbox.ts';
import { openSandbox } from '../../fixtures/sandbox.ts';
import { noAnswer } from '../../fixtures/scripted-runner.ts';
import type { SandboxDeps } from '../../workflows/deps.ts';
import { gateOf } from './fixtures/real-gate.ts';
import { settingsWithGate, startRealCluster } from './fixtures/real-programs.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A sandbox whose programs run on a cluster, and whose gate is where it says, or not yet. */
async function opened({ graceSeconds }: { graceSeconds: number }) {
  const port = await freePort();
  const { cluster, newRunner } = await startRealCluster(settingsWithGate(port, { graceSeconds }));
  ends.push(async () => cluster[Symbol.asyncDispose]());
  const runner = newRunner();
  ends.push(() => runner.close());
  const sandbox = await openSandbox({ runner });
  ends.push(() => sandbox.close());
  const openGate = async (change: Partial<SandboxDeps> = {}) => {
    const gate = await gateOf({ ...sandbox, deps: { ...sandbox.deps, ...change } }, port);
    const close = () => gate.close(1_000);
    ends.push(close);
    return close;
  };
  return { sandbox, runner, openGate };
}

const leaving = { source: 'cd "$FORGE_ARTIFACTS"; printf one > a; printf two > b' };

async function filesOf(sandbox: SandboxUnderTest, id: string): Promise<unknown[]> {
  const sql = 'select path from artifact where job_id = $1 order by path';
  return (await sandbox.rows('acme', sql, [id])).map(({ path }) => path);
}

describe('what a program on a cluster left', () => {
  it('waits for a gate that is away, as long as its pod has grace, and is whole then', async () => {
    const { sandbox, openGate } = await opened({ graceSeconds: 30 });
    const id = await sandbox.admitted('acme', leaving);
    const running = sandbox.run(id)();
    while ((await sandbox.job(id))?.state !== 'COLLECTING') await moment();
    await moment();
    expect(await filesOf(sandbox, id)).toEqual([]);
    await openGate();
    await running;
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED', reasonCode: null });
    expect(await filesOf(sandbox, id)).toEqual(['a', 'b']);
  });

  it('fault 37: is lost with its collector, and the job keeps its result and says so', async () => {
    const { sandbox, runner } = await opened({ graceSeconds: 1 });
    const id = await sandbox.finished('acme', leaving);
    expect(await sandbox.job(id)).toMatchObject({
      ...{ state: 'SUCCEEDED', exitCode: 0, reasonCode: 'COLLECT_TIMEOUT' },
    });
    expect(await filesOf(sandbox, id)).toEqual([]);
    expect(await runner.list()).toEqual([]);
  });

  it('fault 37: is as if nothing of it had come, when the worker is killed before it took it', async () => {
    const { sandbox, openGate } = await opened({ graceSeconds: 30 });
    await openGate();
    const id = await sandbox.admitted('acme', leaving);
    for (let killAt = 4; killAt < 40; killAt += 4) {
      await sandbox.run(id)(killAt);
      expect([0, 2]).toContain((await filesOf(sandbox, id)).length);
    }
    await sandbox.run(id)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED', reasonCode: null });
    const events = await sandbox.events(id);
    expect(events.filter(({ type }) => type === 'job.artifact-added')).toHaveLength(2);
    expect(await filesOf(sandbox, id)).toEqual(['a', 'b']);
  });

  it('fault 46: waits for a storage that is away, and what runs is left alone', async () => {
    const { sandbox, openGate } = await opened({ graceSeconds: 30 });
    let isAway = true;
    let tries = 0;
    const { storage } = sandbox.deps;
    await openGate({
      storage: {
        ...storage,
        put: (...given) => {
          tries += 1;
          return isAway ? Promise.reject(noAnswer()) : storage.put(...given);
        },
      },
    });
    const [id, other] = [
      await sandbox.admitted('acme', leaving),
      await sandbox.admitted('acme', { source: 'for n in 1 2 3 4 5; do echo $n; sleep 0.2; done' }),
    ];
    const running = Promise.all([sandbox.run(id)(), sandbox.run(other)()]);
    while (tries < 3) await moment();
    expect(await sandbox.job(id)).toMatchObject({ state: 'COLLECTING' });
    isAway = false;
    await running;
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED', reasonCode: null });
    expect(await filesOf(sandbox, id)).toEqual(['a', 'b']);
    expect(await sandbox.job(other)).toMatchObject({ state: 'SUCCEEDED' });
    expect((await sandbox.lines(other)).map(({ text }) => text).join('')).toBe('12345');
  });

  it('is brought by a collector that was killed while the program ran, and started again', async () => {
    const { sandbox, openGate } = await opened({ graceSeconds: 30 });
    await openGate();
    const source = `${leaving.source}; echo up; sleep 1`;
    const id = await sandbox.admitted('acme', { source });
    const running = sandbox.run(id)();
    while ((await sandbox.lines(id)).length === 0) await moment();
    const [collector, ...others] = await descendants(process.pid, /^\S*perl\0\/forge-collect\0/);
    expect(others).toEqual([]);
    process.kill(collector ?? 0, 'SIGKILL');
    await running;
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED', reasonCode: null });
    expect(await filesOf(sandbox, id)).toEqual(['a', 'b']);
  });
});

const moment = () => new Promise((resolve) => setTimeout(resolve, 50));

/** What this process began, by what it was called with. */
async function descendants(pid: number, command: RegExp): Promise<number[]> {
  const threads = await readdir(`/proc/${String(pid)}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => text(`/proc/${String(pid)}/task/${thread}/children`)),
  );
  const children = lists.join(' ').split(' ').filter(Boolean).map(Number);
  const below = await Promise.all(children.map((child) => descendants(child, command)));
  const isOne = command.test(await text(`/proc/${String(pid)}/cmdline`));
  return [...(isOne ? [pid] : []), ...below.flat()];
}

function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
