import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { resources } from '../../../../infra/simulators/kubernetes/resources.ts';
import type { SandboxUnderTest } from '../../fixtures/sandbox.ts';
import { openSandbox } from '../../fixtures/sandbox.ts';
import type { KubernetesRunner } from '../kubernetes.ts';
import { endClosed } from '../../workflows/end-closed.ts';
import { keepRooms } from '../../workflows/keep-rooms.ts';
import { freePort } from '../../../../test/support/product.ts';
import { gateOf } from './fixtures/real-gate.ts';
import { settingsWithGate, startRealCluster } from './fixtures/real-programs.ts';
import { tenantNamespace } from './manifests/names.ts';

let cluster: Awaited<ReturnType<typeof startRealCluster>>;
let runner: KubernetesRunner;
let sandbox: SandboxUnderTest;
let gate: Awaited<ReturnType<typeof gateOf>>;
beforeAll(async () => {
  const port = await freePort();
  cluster = await startRealCluster(settingsWithGate(port));
  runner = cluster.newRunner();
  sandbox = await openSandbox({ runner });
  gate = await gateOf(sandbox, port);
});
afterAll(async () => {
  await gate.close(1_000);
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

describe('fault 48: a tenant that closes its sandbox while its programs run on a cluster', () => {
  it('has them stopped, its namespace removed, and what they printed kept', async () => {
    const keeper = cluster.newKeeper();
    const tenancy = await openSandbox({ runner, rooms: { areNeeded: true, keeper } });
    const { store } = cluster.cluster.simulator;
    const room = () => store.find(resources.namespaces, undefined, tenantNamespace('initech'));
    const ask = (text: string) =>
      tenancy.ask({ tenant: 'initech', scopes: ['sandbox:write', 'sandbox:close'] }, text);
    const asked = await ask(`mutation { submitJob(input: { idempotencyKey: "one", spec: {
      template: "shell", source: "echo up; sleep 60" } }) {
        ... on SubmitJobSuccess { job { id } } } }`);
    const { id } = (asked.data as { submitJob: { job: { id: string } } }).submitJob.job;
    await tenancy.admit();
    expect(await tenancy.job(id, 'initech')).toMatchObject({ state: 'QUEUED' });
    await keepRooms.run(tenancy.work);
    expect(room()).toBeDefined();
    await tenancy.admit();
    const running = tenancy.run(id, 1, 'initech')();
    while ((await tenancy.lines(id, 'initech')).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await ask('mutation { closeSandbox(input: { idempotencyKey: "two" }) { __typename } }');
    await endClosed.run(tenancy.work);
    await running;
    expect(await tenancy.job(id, 'initech')).toMatchObject({ state: 'CANCELLED' });
    for (tenancy.clock.aheadMs = 0; room(); tenancy.clock.aheadMs += 60_000) {
      await keepRooms.run(tenancy.work);
    }
    tenancy.clock.aheadMs += 60_000;
    await keepRooms.run(tenancy.work);
    const closed = await tenancy.rows('initech', 'select state from tenant_room');
    expect(closed).toEqual([{ state: 'CLOSED' }]);
    expect((await tenancy.lines(id, 'initech')).map(({ text }) => text)).toEqual(['up']);
    await keeper.close();
    await tenancy.close();
  });
});
