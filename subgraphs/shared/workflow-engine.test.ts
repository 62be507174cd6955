import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freshDatabase } from '../../test/support/database.ts';
import { sampleSubgraph } from '../../test/support/workflow-sample.ts';
import { newId } from './ids.ts';
import { sleep } from './time.ts';

const { steps, approval } = sampleSubgraph().programs;
/** As the worker's. */
const leaseMs = 2_000;
const program = join(import.meta.dirname, '../../test/support/workflow-worker.ts');

let db: Awaited<ReturnType<typeof freshDatabase>>;
beforeAll(async () => {
  db = await freshDatabase(sampleSubgraph());
});
afterAll(() => db.close());

const running = new Set<ChildProcess>();
afterEach(async () => {
  await Promise.all([...running].map((child) => end(child, 'SIGKILL')));
});

/** A process with the sample programs of a release. */
async function startWorker(release = 1): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, db.url, String(release)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  await said(child, 'ready');
  return child;
}

function said(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes(text)) resolve();
    });
    child.once('exit', (code) => {
      reject(new Error(`ended with ${String(code)} before it said ${text}`));
    });
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit') as Promise<[number | null]>;
  child.kill(signal);
  return (await exited)[0];
}

interface Effect {
  readonly name: string;
  readonly release: number;
}

async function effectsOf(runId: string): Promise<Effect[]> {
  return db.tx('acme', (tx) =>
    tx.query('select name, release from effect where run_id = $1 order by id', [runId]),
  );
}

async function namesOf(runId: string): Promise<string[]> {
  return (await effectsOf(runId)).map(({ name }) => name);
}

async function until(
  runId: string,
  test: (names: readonly string[]) => boolean,
  withinMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!test(await namesOf(runId))) {
    if (Date.now() > deadline) throw new Error(`not in time: ${String(await namesOf(runId))}`);
    await sleep(10);
  }
}

function start(slowMs: number): Promise<string> {
  const id = newId('run');
  return db.tx('acme', async (tx) => {
    await steps.start(tx, id, { slowMs });
    return id;
  });
}

describe('a process that is killed', () => {
  it('loses nothing: another goes on after the last recorded step, and a transaction is not repeated', async () => {
    const first = await startWorker();
    const ids = await Promise.all(Array.from({ length: 5 }, () => start(60_000)));
    for (const id of ids) await until(id, (names) => names.includes('slow'));
    await end(first, 'SIGKILL');
    await startWorker();
    for (const id of ids) {
      await until(id, (names) => names.includes('last 42'), leaseMs + 10_000);
      expect(await namesOf(id)).toEqual(['first', 'counted', 'slow', 'slow', 'last 42']);
    }
  });

  it('while it works, has its runs taken over by one that is already there', async () => {
    const [one, two] = [await startWorker(), await startWorker()];
    const ids = await Promise.all(Array.from({ length: 8 }, () => start(1_500)));
    for (const id of ids) await until(id, (names) => names.includes('slow'));
    await end(one, 'SIGKILL');
    for (const id of ids) await until(id, (names) => names.includes('last 42'), leaseMs + 15_000);
    for (const id of ids) {
      const names = await namesOf(id);
      expect(names.filter((name) => name !== 'slow')).toEqual(['first', 'counted', 'last 42']);
    }
    expect(await end(two, 'SIGTERM')).toBe(0);
  });

  it('when it is asked to stop, hands its runs on at once', async () => {
    const first = await startWorker();
    const id = newId('run');
    await db.tx('acme', (tx) => approval.start(tx, id, { waitMs: 60_000 }));
    await until(id, (names) => names.includes('ask'));
    expect(await end(first, 'SIGTERM')).toBe(0);
    await startWorker();
    await db.tx('acme', (tx) => approval.signal(tx, id, 'decided', 1));
    await until(id, (names) => names.includes('heard 1'), leaseMs);
    expect(await namesOf(id)).toEqual(['ask', 'heard 1']);
  });
});

describe('a process that stood still for longer than its lease', () => {
  it('does nothing more and ends: others may have taken over', async () => {
    const frozen = await startWorker();
    const id = await start(leaseMs + 9_000);
    await until(id, (names) => names.includes('slow'));
    const ended = once(frozen, 'exit') as Promise<[number | null]>;
    frozen.kill('SIGSTOP');
    await startWorker();
    await until(
      id,
      (names) => names.filter((name) => name === 'slow').length === 2,
      leaseMs + 8_000,
    );
    frozen.kill('SIGCONT');
    const [code] = await ended;
    expect(code).toBe(3);
    await db.tx('acme', (tx) => steps.cancel(tx, id));
  });
});

describe('a release', () => {
  it('leaves runs that wait across it on their old way, and takes new ones on the new way', async () => {
    const old = await startWorker(1);
    const before = newId('run');
    await db.tx('acme', (tx) => approval.start(tx, before, { waitMs: 60_000 }));
    await until(before, (names) => names.includes('ask'));
    await end(old, 'SIGKILL');

    await startWorker(2);
    const after = newId('run');
    await db.tx('acme', (tx) => approval.start(tx, after, { waitMs: 60_000 }));
    await until(after, (names) => names.includes('announce'));
    for (const id of [before, after]) {
      await db.tx('acme', (tx) => approval.signal(tx, id, 'decided', 'yes'));
      await until(id, (names) => names.includes('heard "yes"'), leaseMs + 10_000);
    }
    expect(await effectsOf(before)).toEqual([
      { name: 'ask', release: 1 },
      { name: 'heard "yes"', release: 2 },
    ]);
    expect(await namesOf(after)).toEqual(['ask', 'announce', 'heard "yes"']);
  });

  it('does not touch the runs of a newer one, which go on where the newer one is', async () => {
    const newer = await startWorker(2);
    const id = newId('run');
    await db.tx('acme', (tx) => approval.start(tx, id, { waitMs: 60_000 }));
    await until(id, (names) => names.includes('announce'));
    await end(newer, 'SIGKILL');
    const older = await startWorker(1);
    await db.tx('acme', (tx) => approval.signal(tx, id, 'decided', 'late'));
    await sleep(leaseMs + 1_500);
    expect(await namesOf(id)).toEqual(['ask', 'announce']);
    await end(older, 'SIGTERM');
    await startWorker(2);
    await until(id, (names) => names.includes('heard "late"'), leaseMs + 10_000);
  });
});
