import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import type { FaultRule } from '../../../../infra/simulators/kubernetes/faults.ts';
import { ClusterError, NoClusterAnswer } from './cluster-error.ts';
import { jobNamed, jobsPath, plant, quick, startCluster } from './fixtures/cluster.ts';

interface Named {
  readonly metadata: { readonly name: string; readonly uid: string };
}
interface List {
  readonly items: readonly Named[];
}

describe('connections', () => {
  it('uses them again for calls that follow one another, over TLS with the authority of the kubeconfig', async () => {
    await using cluster = await startCluster({ isTls: true });
    for (let n = 0; n < 100; n += 1) await cluster.client.call({ verb: 'get', path: jobsPath });
    expect(cluster.simulator.connections).toBeLessThanOrEqual(2);
    expect(cluster.simulator.count('list jobs')).toBe(100);
  });

  it('makes no more than its bound, however much is asked at once', async () => {
    await using cluster = await startCluster();
    const calls = Array.from({ length: 400 }, () =>
      cluster.client.call({ verb: 'get', path: jobsPath }),
    );
    await Promise.all(calls);
    expect(cluster.simulator.connections).toBeLessThanOrEqual(64);
  });

  it('reads a token again when it is refused', async () => {
    await using cluster = await startCluster({ token: 'first' });
    await cluster.client.call({ verb: 'get', path: jobsPath });
    cluster.simulator.token = 'second';
    await writeFile(cluster.tokenFile, 'second');
    await cluster.client.call({ verb: 'get', path: jobsPath });
    expect(cluster.simulator.count('list jobs')).toBe(3);
  });
});

describe('answers', () => {
  it('tells a refusal with its status, reason and message', async () => {
    await using cluster = await startCluster();
    const missing = cluster.client.call({ verb: 'get', path: `${jobsPath}/none` });
    await expect(missing).rejects.toMatchObject({
      name: 'ClusterError',
      status: 404,
      reason: 'NotFound',
      message: 'jobs "none" not found',
    });
    const create = () =>
      cluster.client.call({ verb: 'create', path: jobsPath, body: jobNamed('one') });
    await create();
    await expect(create()).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' });
  });

  it('does not create again when the answer was lost: it may have happened', async () => {
    await using cluster = await startCluster();
    cluster.simulator.faults.add({ verb: 'create', fault: { kind: 'lost-answer' } });
    const create = cluster.client.call({ verb: 'create', path: jobsPath, body: jobNamed('one') });
    await expect(create).rejects.toBeInstanceOf(NoClusterAnswer);
    expect(cluster.simulator.count('create jobs')).toBe(1);
    const { items } = await cluster.client.call<List>({ verb: 'get', path: jobsPath });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['one']);
  });

  it('reads, patches and deletes again after a lost answer, a break and a server in trouble', async () => {
    await using cluster = await startCluster();
    const { metadata } = plant(cluster, 'one');
    const path = `${jobsPath}/one`;
    const faults: FaultRule['fault'][] = [
      { kind: 'lost-answer' },
      { kind: 'reset', afterBytes: 40 },
      { kind: 'status', code: 503 },
    ];
    cluster.simulator.faults.add(...faults.map((fault) => ({ fault })));
    expect(await cluster.client.call<Named>({ verb: 'get', path })).toMatchObject({
      metadata: { name: 'one' },
    });

    cluster.simulator.faults.add(...faults.map((fault) => ({ fault })));
    const body = { metadata: { annotations: { a: 'b' } } };
    expect(await cluster.client.call({ verb: 'patch', path, body })).toMatchObject(body);

    cluster.simulator.faults.add({ fault: { kind: 'lost-answer' } });
    const preconditions = { uid: metadata.uid };
    const gone = cluster.client.call({ verb: 'delete', path, body: { preconditions } });
    await expect(gone).rejects.toMatchObject({ status: 404 });
  });

  it('gives a call up when there is no answer in its time, and says so', async () => {
    await using cluster = await startCluster({
      client: { ...quick, timeoutMs: 50, attemptsMax: 2 },
    });
    cluster.simulator.faults.add({ fault: { kind: 'hang', afterBytes: 0 }, times: 2 });
    await expect(cluster.client.call({ verb: 'get', path: jobsPath })).rejects.toBeInstanceOf(
      NoClusterAnswer,
    );
    expect(cluster.simulator.count('list jobs')).toBe(2);
  });

  it('throws the reason of the signal that gives a call up', async () => {
    await using cluster = await startCluster();
    cluster.simulator.faults.add({ fault: { kind: 'hang', afterBytes: 0 } });
    const signal = AbortSignal.timeout(20);
    await expect(
      cluster.client.call({ verb: 'get', path: jobsPath, signal }),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('load', () => {
  it('asks nothing of a class before the time that the server named, and serves the other meanwhile', async () => {
    await using cluster = await startCluster();
    const { simulator, client } = cluster;
    simulator.faults.add({
      verb: 'create',
      fault: { kind: 'status', code: 429, retryAfterSeconds: 1 },
    });
    const first = client.call({ verb: 'create', path: jobsPath, body: jobNamed('one') });
    while (simulator.count('create jobs') === 0) await new Promise((r) => setTimeout(r, 1));
    await new Promise((r) => setTimeout(r, 20));
    const second = client.call({ verb: 'create', path: jobsPath, body: jobNamed('two') });
    await client.call({ verb: 'get', path: jobsPath });
    await Promise.all([first, second]);
    const at = (call: string) =>
      simulator.calls.filter((one) => one.call === call).map((one) => one.atMs);
    const [refused = 0, ...others] = at('create jobs');
    expect(others).toHaveLength(2);
    for (const other of others) expect(other - refused).toBeGreaterThanOrEqual(990);
    expect((at('list jobs')[0] ?? 0) - refused).toBeLessThan(500);
  });

  it('gives up with the refusal when the server stays in trouble', async () => {
    await using cluster = await startCluster();
    cluster.simulator.faults.add({ fault: { kind: 'status', code: 500 }, times: 100 });
    await expect(cluster.client.call({ verb: 'get', path: jobsPath })).rejects.toBeInstanceOf(
      ClusterError,
    );
    expect(cluster.simulator.count('list jobs')).toBe(4);
  });
});
