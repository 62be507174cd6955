import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLog } from '../../shared/log.ts';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';
import { localRunner } from '../providers/local.ts';
import type { Runner } from '../providers/runner.ts';

let root: string;
let runner: Runner;
let sandbox: SandboxUnderTest;
let isReady: boolean;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'forge-sandbox-'));
  const log = createLog({ level: 'silent' });
  runner = localRunner({ root, nodeBinary: process.execPath, log });
  isReady = (await runner.check()).kind === 'ready';
  sandbox = await openSandbox({ runner });
});
afterAll(async () => {
  await sandbox.close();
  for (const { key } of await runner.list()) await runner.remove(key);
  await rm(root, { recursive: true, force: true });
});

describe('a job on this machine', () => {
  it('prints, reports, leaves a file and ends, all of it told; or says what is missing', async () => {
    const source = `
      echo one; echo '::progress {"percent":50}'; echo two >&2
      printf left > "$FORGE_ARTIFACTS/report.txt"; exit 4`;
    const id = await sandbox.finished('acme', { source });
    const job = await sandbox.job(id);
    if (!isReady) {
      expect(job).toMatchObject({ state: 'FAILED', reasonCode: 'RUNNER_UNAVAILABLE' });
      return;
    }
    expect(job).toMatchObject({ state: 'FAILED', reasonCode: 'EXIT_NON_ZERO', exitCode: 4 });
    expect(job?.progressPercent).toBe(50);
    const lines = (await sandbox.lines(id)).map(({ stream, text }) => `${stream} ${text}`);
    expect(lines.sort()).toEqual(['stderr two', 'stdout one']);
    const files = await sandbox.rows('acme', 'select path, bytes from artifact');
    expect(files).toEqual([{ path: 'report.txt', bytes: '4' }]);
    expect((await sandbox.events(id)).at(-1)?.type).toBe('job.finished');
    expect(await runner.list()).toEqual([]);
  });

  it('goes on after a kill with the program that is there, without losing or doubling a line', async () => {
    if (!isReady) return;
    const source = 'for n in 1 2 3 4 5 6 7 8; do echo $n; sleep 0.1; done';
    const id = await sandbox.admitted('acme', { source });
    for (let killAt = 10; killAt < 40; killAt += 10) await sandbox.run(id)(killAt);
    await sandbox.run(id)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED' });
    expect((await sandbox.lines(id)).map(({ text }) => text).join('')).toBe('12345678');
  });

  it('is stopped when it is cancelled, and nothing of it is left', async () => {
    if (!isReady) return;
    const id = await sandbox.admitted('acme', { source: 'echo up; sleep 60' });
    const running = sandbox.run(id)();
    while ((await sandbox.lines(id)).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await sandbox.cancel(id);
    await running;
    expect(await sandbox.job(id)).toMatchObject({ state: 'CANCELLED' });
    expect(await runner.list()).toEqual([]);
  });
});
