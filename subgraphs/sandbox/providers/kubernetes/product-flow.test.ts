import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../../fixtures/sandbox.ts';
import { openSandbox } from '../../fixtures/sandbox.ts';
import type { KubernetesRunner } from '../kubernetes.ts';
import { startRealCluster } from './fixtures/real-programs.ts';

let cluster: Awaited<ReturnType<typeof startRealCluster>>;
let runner: KubernetesRunner;
let sandbox: SandboxUnderTest;
beforeAll(async () => {
  cluster = await startRealCluster();
  runner = cluster.newRunner();
  sandbox = await openSandbox({ runner });
});
afterAll(async () => {
  await sandbox.close();
  await runner.close();
  await cluster.cluster[Symbol.asyncDispose]();
});

describe('a job on a cluster', () => {
  it('prints, reports, leaves a file and ends, all of it told, and nothing is left of it', async () => {
    const source = `
      echo one; echo '::progress {"percent":50}'; echo two >&2
      printf left > "$FORGE_ARTIFACTS/report.txt"; exit 4`;
    const id = await sandbox.finished('acme', { source });
    const job = await sandbox.job(id);
    expect(job).toMatchObject({ state: 'FAILED', reasonCode: 'EXIT_NON_ZERO', exitCode: 4 });
    expect(job?.progressPercent).toBe(50);
    const lines = (await sandbox.lines(id)).map(({ stream, text }) => `${stream} ${text}`);
    expect(lines.sort()).toEqual(['stderr two', 'stdout one']);
    const files = await sandbox.rows('acme', 'select path, bytes from artifact');
    expect(files).toEqual([{ path: 'report.txt', bytes: '4' }]);
    expect(await runner.list()).toEqual([]);
  });

  it('goes on after a kill with the program that is there, without losing or doubling a line', async () => {
    const source = 'for n in 1 2 3 4 5 6 7 8; do echo $n; sleep 0.1; done';
    const id = await sandbox.admitted('acme', { source });
    for (let killAt = 10; killAt < 40; killAt += 10) await sandbox.run(id)(killAt);
    await sandbox.run(id)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED' });
    expect((await sandbox.lines(id)).map(({ text }) => text).join('')).toBe('12345678');
  });

  it('is stopped when it is cancelled, and nothing of it is left', async () => {
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
