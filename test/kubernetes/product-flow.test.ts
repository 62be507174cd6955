import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openSandbox } from '../../subgraphs/sandbox/fixtures/sandbox.ts';
import type { SandboxUnderTest } from '../../subgraphs/sandbox/fixtures/sandbox.ts';
import { gateOf } from '../../subgraphs/sandbox/providers/kubernetes/fixtures/real-gate.ts';
import { settingsWithGate } from '../../subgraphs/sandbox/providers/kubernetes/fixtures/real-programs.ts';
import type { KubernetesRunner } from '../../subgraphs/sandbox/providers/kubernetes.ts';
import { freePort } from '../support/product.ts';
import { Cluster, ours } from './fixtures/cluster.ts';

(ours ? describe : describe.skip)('a job of the product on a real API server', () => {
  let cluster: Cluster;
  let runner: KubernetesRunner;
  let sandbox: SandboxUnderTest;
  let gate: Awaited<ReturnType<typeof gateOf>>;
  beforeAll(async () => {
    const port = await freePort();
    const settings = settingsWithGate(port);
    cluster = await Cluster.open();
    await cluster.tenant('acme', settings);
    runner = cluster.newRunner({ settings });
    sandbox = await openSandbox({ runner });
    gate = await gateOf(sandbox, port);
  });
  afterAll(async () => {
    await gate.close(1_000);
    await sandbox.close();
    await cluster[Symbol.asyncDispose]();
  });

  it('prints, leaves a file and ends, all of it told, and nothing is left of it', async () => {
    const source = `
      echo one; echo two >&2
      printf left > "$FORGE_ARTIFACTS/report.txt"; exit 4`;
    const id = await sandbox.finished('acme', { source });
    const job = await sandbox.job(id);
    expect(job).toMatchObject({ state: 'FAILED', reasonCode: 'EXIT_NON_ZERO', exitCode: 4 });
    const lines = (await sandbox.lines(id)).map(({ stream, text }) => `${stream} ${text}`);
    expect(lines.sort()).toEqual(['stderr two', 'stdout one']);
    const files = await sandbox.rows('acme', 'select path, bytes from artifact');
    expect(files).toEqual([{ path: 'report.txt', bytes: '4' }]);
    expect(await runner.list()).toEqual([]);
  });

  // Faults 9 to 12: each place at which a run can be killed is met by one of these.
  it('goes on after a kill at every point with the program that is there, each line once', async () => {
    const source = 'for n in 1 2 3 4 5 6 7 8; do echo $n; sleep 0.1; done';
    const id = await sandbox.admitted('acme', { source });
    for (let killAt = 2; killAt < 30; killAt += 3) await sandbox.run(id)(killAt);
    await sandbox.run(id)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED' });
    expect((await sandbox.lines(id)).map(({ text }) => text).join('')).toBe('12345678');
    expect(await runner.list()).toEqual([]);
  });

  it('is stopped when it is cancelled, and nothing of it is left', async () => {
    const id = await sandbox.admitted('acme', { source: 'echo up; sleep 60' });
    const running = sandbox.run(id)();
    while ((await sandbox.lines(id)).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await sandbox.cancel(id);
    await running;
    expect(await sandbox.job(id)).toMatchObject({ state: 'CANCELLED' });
    expect(await runner.list()).toEqual([]);
  });
});
