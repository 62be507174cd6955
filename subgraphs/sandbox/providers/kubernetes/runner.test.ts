import { describe, expect, it } from '@jest/globals';
import { idle } from '../../../../infra/simulators/kubernetes/kubelet.ts';
import { resources } from '../../../../infra/simulators/kubernetes/resources.ts';
import { removeQuietly } from '../../../../infra/simulators/kubernetes/writes.ts';
import { sleep } from '../../../shared/time.ts';
import { readAll } from '../fixtures/run-program.ts';
import { eventually } from './fixtures/cluster.ts';
import {
  asked,
  jobs,
  newRunner,
  script,
  secrets,
  sightAfter,
  useCluster,
} from './fixtures/workers.ts';
import { plain } from './manifests/fixtures/samples.ts';
import { attemptName, tenantNamespace } from './manifests/names.ts';

const cluster = useCluster();

describe('a start', () => {
  it('makes one Job when the answer to its creation is lost', async () => {
    cluster.current.simulator.faults.add({
      verb: 'create',
      resource: 'jobs',
      fault: { kind: 'lost-answer' },
    });
    expect(await newRunner().start(asked())).toEqual({ kind: 'started' });
    expect(jobs()).toHaveLength(1);
    expect(cluster.current.simulator.count('create jobs')).toBe(1);
  });

  it('says that it does not know when the creation did not arrive, and creates when asked again', async () => {
    cluster.current.simulator.faults.add({
      verb: 'create',
      resource: 'jobs',
      fault: { kind: 'status', code: 500 },
    });
    const runner = newRunner();
    const one = asked();
    await expect(runner.start(one)).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
      retryable: true,
    });
    expect(await runner.start(one)).toEqual({ kind: 'started' });
    expect(jobs()).toHaveLength(1);
  });

  it('is gone on with by another worker after a crash between the Job and its Secret', async () => {
    script(async (handle, { signal }) => {
      handle.scheduled();
      while (secrets().length === 0 && !signal.aborted) await new Promise((r) => setTimeout(r, 5));
      handle.running();
    });
    cluster.current.simulator.faults.add({
      verb: 'create',
      resource: 'secrets',
      fault: { kind: 'status', code: 500 },
    });
    const one = asked();
    await expect(newRunner().start(one)).rejects.toMatchObject({ retryable: true });
    expect([jobs().length, secrets().length]).toEqual([1, 0]);
    expect(await newRunner().start(one)).toEqual({ kind: 'started' });
    expect([jobs().length, secrets().length]).toEqual([1, 1]);
    const [job] = jobs();
    expect(secrets()[0]?.metadata.ownerReferences?.[0]?.uid).toBe(job?.metadata.uid);
  });

  it('leaves an object of another under its name as it is, and says so', async () => {
    const one = asked();
    const namespace = tenantNamespace(one.tenantId);
    const { store } = cluster.current.simulator;
    const runner = newRunner();
    const before = asked();
    await runner.start(before);
    await runner.remove(before.key);
    const foreign = store.create(
      resources.jobs,
      {
        metadata: { name: attemptName(one.key) },
        spec: { template: { spec: { containers: [] } } },
      } as never,
      namespace,
    );
    expect(await runner.start(one)).toMatchObject({
      kind: 'refused',
      reason: 'START_FAILED',
      message: expect.stringContaining('NAME_CONFLICT') as unknown,
    });
    expect(jobs()[0]?.metadata.uid).toBe(foreign.metadata.uid);
    expect(secrets()).toHaveLength(0);
  });

  it('fault 23: is put off when the quota of the namespace is used up, once, with what is in use', async () => {
    const runner = newRunner();
    await runner.start(asked());
    const { store } = cluster.current.simulator;
    const [quota] = store.list(resources.resourcequotas);
    if (!quota) throw new Error('no quota');
    store.update(resources.resourcequotas, quota, (draft) => {
      Object.assign(draft, { spec: { hard: { 'count/jobs.batch': '1' } } });
    });
    const second = asked();
    expect(await runner.start(second)).toEqual({
      kind: 'postponed',
      message: 'The quota of its namespace is in use (count/jobs.batch=1).',
    });
    expect(cluster.current.simulator.count('create jobs')).toBe(2);
    expect(await runner.look(second.key)).toEqual({ kind: 'absent' });
  });

  it('fault 23: tells that the quota holds no pod for its Job, and starts as soon as it does', async () => {
    const runner = newRunner();
    const [first, second] = [asked(), asked()];
    await runner.start(first);
    const { store } = cluster.current.simulator;
    const [quota] = store.list(resources.resourcequotas);
    if (!quota) throw new Error('no quota');
    store.update(resources.resourcequotas, quota, (draft) => {
      Object.assign(draft, { spec: { hard: { pods: '1' } } });
    });
    await runner.start(second);
    const job = store
      .list(resources.jobs)
      .find(({ metadata }) => metadata.name === attemptName(second.key));
    if (!job) throw new Error('no job');
    store.update(resources.jobs, job, ({ metadata }) => {
      metadata.creationTimestamp = new Date(Date.now() - 60_000).toISOString();
    });
    const held = { by: 'ROOM', message: expect.stringContaining('quota') as unknown };
    for (let n = 0; n < 200; n += 1) {
      const sight = await runner.look(second.key);
      if (sight.kind === 'starting' && sight.held) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await runner.look(second.key)).toMatchObject({ kind: 'starting', held });
    await runner.remove(first.key);
    await runner.wait(second.key, { position: '', kind: 'starting' }, { timeoutMs: 5_000 });
    expect(await runner.look(second.key)).toMatchObject({ kind: 'running' });
  });

  it('is refused, and nothing is sent, when what would be sent breaks a rule', async () => {
    const runner = newRunner({ ...plain, registries: [] });
    expect(await runner.start(asked())).toMatchObject({
      kind: 'refused',
      reason: 'START_FAILED',
      message: expect.stringContaining('container-image') as unknown,
    });
    expect(cluster.current.simulator.count('create jobs')).toBe(0);
    expect(cluster.current.simulator.count('create secrets')).toBe(0);
  });

  it('keeps tenants apart, each in a namespace that is whole before its Job', async () => {
    const runner = newRunner();
    const [one, other] = [asked(), { ...asked(), tenantId: 'globex' }];
    await Promise.all([runner.start(one), runner.start(other)]);
    const namespaces = jobs().map(({ metadata }) => metadata.namespace);
    expect(new Set(namespaces)).toEqual(
      new Set([tenantNamespace('acme'), tenantNamespace('globex')]),
    );
    const calls = cluster.current.simulator.calls.filter(({ path }) =>
      path.includes(tenantNamespace('acme')),
    );
    expect(calls.map(({ call }) => call).indexOf('create networkpolicies')).toBeLessThan(
      calls.map(({ call }) => call).indexOf('create jobs'),
    );
  });
});

describe('a stop', () => {
  it('is in the verdict, whoever asks and however the pod went', async () => {
    script(idle);
    const one = asked();
    const runner = newRunner();
    await runner.start(one);
    await runner.stop(one.key, { graceMs: 1_000 });
    const stopped = { kind: 'ended', verdict: { signal: 'SIGTERM', stopped: true } };
    expect(await sightAfter(runner, one)).toMatchObject(stopped);
    await runner.stop(one.key, { graceMs: 0 });
    expect(await sightAfter(runner, one)).toMatchObject(stopped);
  });

  it('deletes no pod but the one that was seen', async () => {
    script(idle);
    const one = asked();
    const runner = newRunner();
    await runner.start(one);
    await runner.look(one.key);
    await runner.stop(one.key, { graceMs: 1_000 });
    const { calls } = cluster.current.simulator;
    expect(calls.filter(({ call }) => call === 'delete pods')).toHaveLength(1);
  });
});

describe('a removal', () => {
  it('goes on after every kind of trouble until nothing is left', async () => {
    script(idle);
    const one = asked();
    const runner = newRunner();
    await runner.start(one);
    cluster.current.simulator.faults.add(
      { verb: 'patch', fault: { kind: 'lost-answer' } },
      { verb: 'delete', fault: { kind: 'lost-answer' } },
      { verb: 'delete', fault: { kind: 'status', code: 503 } },
    );
    await runner.remove(one.key);
    const { store } = cluster.current.simulator;
    expect([jobs(), secrets(), store.list(resources.pods)]).toEqual([[], [], []]);
    await runner.remove(one.key);
    expect(await runner.look(one.key)).toEqual({ kind: 'absent' });
  });

  it('ends a pod that outlives its Job, though who removes it never saw that Job', async () => {
    script(async (handle, stop) => {
      handle.scheduled();
      handle.running();
      const isAsked = (): boolean => stop.signal.aborted && stop.graceMs() <= 1_000;
      for (const end = Date.now() + 10_000; !isAsked() && Date.now() < end;) await sleep(5);
      handle.exited({ exitCode: 137 });
    });
    const one = asked();
    const runner = newRunner();
    await runner.start(one);
    const { store } = cluster.current.simulator;
    const [job] = jobs();
    if (!job) throw new Error('no Job');
    const released = store.update(resources.jobs, job, (draft) => {
      draft.metadata.finalizers = [];
    });
    removeQuietly(store, released);
    await newRunner().remove(one.key);
    expect(store.list(resources.pods)).toEqual([]);
  });
});

it('asks at most three changes of the cluster for an attempt from start to end, and does not poll', async () => {
  const runner = newRunner();
  await runner.start(asked());
  const one = asked();
  cluster.current.simulator.calls.length = 0;
  script(async (handle) => {
    handle.scheduled();
    handle.running();
    handle.print('hello\n');
    await new Promise((resolve) => setTimeout(resolve, 200));
    handle.exited({ exitCode: 0 });
  });
  await runner.start(one);
  await readAll(runner, one);
  const calls = cluster.current.simulator.calls.map(({ call }) => call);
  expect(calls.filter((call) => /create|patch|delete/.test(call))).toEqual([
    'create jobs',
    'create secrets',
  ]);
  expect(calls.filter((call) => /get|list/.test(call))).toEqual([]);
});

it('survives a cluster that goes away for a while', async () => {
  script(idle);
  const runner = newRunner();
  const one = asked();
  await runner.start(one);
  cluster.current.simulator.faults.add({ fault: { kind: 'status', code: 503 }, times: 30 });
  cluster.current.simulator.breakConnections();
  await eventually(() => cluster.current.simulator.count('watch pods') > 3, 10_000);
  cluster.current.simulator.faults.clear();
  cluster.current.simulator.kubelet.handles[0]?.exited({ exitCode: 0 });
  await eventually(() => jobs().length === 1);
  for (let n = 0; n < 100 && (await runner.look(one.key)).kind !== 'ended'; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await runner.look(one.key)).toMatchObject({ kind: 'ended' });
});
