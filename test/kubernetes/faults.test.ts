import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { order, readAll } from '../../subgraphs/sandbox/providers/fixtures/run-program.ts';
import type { KubernetesRunner } from '../../subgraphs/sandbox/providers/kubernetes.ts';
import {
  attemptName,
  tenantNamespace,
} from '../../subgraphs/sandbox/providers/kubernetes/manifests/names.ts';
import type { AttemptSight, StartOrder } from '../../subgraphs/sandbox/providers/runner.ts';
import { outputStart } from '../../subgraphs/sandbox/providers/runner.ts';
import { Cluster, eventually, kubeconfigs, ours, runsPrograms } from './fixtures/cluster.ts';
import { LossyWay } from './fixtures/lossy-way.ts';

let cluster: Cluster;
let way: LossyWay;
const tenantId = 'acme';
const namespace = tenantNamespace(tenantId);
beforeAll(async () => {
  cluster = await Cluster.open();
  await cluster.tenant(tenantId);
  way = await LossyWay.to(kubeconfigs.controller);
});
afterAll(async () => {
  await way[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});
afterEach(async () => {
  const runner = cluster.newRunner();
  for (const { key } of await runner.list()) await runner.remove(key);
});

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string };
  }[];
}

async function there(what: 'jobs' | 'pods' | 'secrets'): Promise<Listed['items']> {
  const root = what === 'jobs' ? '/apis/batch/v1' : '/api/v1';
  return (await cluster.admin.granted<Listed>({ path: `${root}/namespaces/${namespace}/${what}` }))
    .items;
}

async function counts(): Promise<readonly number[]> {
  const all = await Promise.all((['jobs', 'pods', 'secrets'] as const).map(there));
  return all.map(({ length }) => length);
}

async function ended(runner: KubernetesRunner, { key }: StartOrder): Promise<AttemptSight> {
  for (const end = Date.now() + 60_000; ;) {
    const sight = await runner.look(key);
    if (!['starting', 'running'].includes(sight.kind) || Date.now() > end) return sight;
    await runner.wait(key, { position: outputStart, kind: sight.kind }, { timeoutMs: 200 });
  }
}

const asked = (source = 'echo done'): StartOrder => order({ source, tenantId });

(runsPrograms ? describe : describe.skip)('a creation (faults 6, 7, 9, 10)', () => {
  it('whose answer is lost is found again: one Job, one start', async () => {
    way.lose('POST jobs', 'answer');
    const runner = cluster.newRunner(way);
    const one = asked();
    expect(await runner.start(one)).toEqual({ kind: 'started' });
    expect(await there('jobs')).toHaveLength(1);
    expect(way.arrived.filter((call) => call === 'POST jobs')).toHaveLength(1);
    expect((await readAll(runner, one)).lines.map(({ text }) => text)).toEqual(['done']);
  });

  it('that never arrived is told as unknown, and made once when it is asked for again', async () => {
    way.lose('POST jobs', 'request');
    const one = asked();
    const runner = cluster.newRunner(way);
    await expect(runner.start(one)).rejects.toMatchObject({
      ...{ code: 'PROVIDER_UNAVAILABLE', retryable: true },
    });
    expect(await there('jobs')).toHaveLength(0);
    expect(await cluster.newRunner().start(one)).toEqual({ kind: 'started' });
    expect(await there('jobs')).toHaveLength(1);
  });

  it.each(['request', 'answer'] as const)(
    'is gone on with by another worker when the first one dies before its Secret (lost %s)',
    async (loss) => {
      way.lose('POST secrets', loss);
      const one = asked();
      const first = cluster.newRunner(way);
      await first.start(one).catch(() => undefined);
      await first.close();
      const second = cluster.newRunner();
      expect(await second.start(one)).toEqual({ kind: 'started' });
      expect(await ended(second, one)).toMatchObject({ kind: 'ended', verdict: { exitCode: 0 } });
      expect(await counts()).toEqual([1, 1, 1]);
    },
  );

  it('by eight workers at once is one Job', async () => {
    const one = asked();
    const workers = Array.from({ length: 8 }, () => cluster.newRunner());
    const answers = await Promise.all(workers.map((worker) => worker.start(one)));
    expect(answers).toEqual(Array(8).fill({ kind: 'started' }));
    expect(await there('jobs')).toHaveLength(1);
  });

  it('under a name that is taken leaves what is there as it is', async () => {
    const one = asked();
    // A Job of another attempt, whose annotations say so.
    const other = asked();
    await cluster.newRunner().start(other);
    const path = `/apis/batch/v1/namespaces/${namespace}/jobs/${attemptName(other.key)}`;
    const taken = await cluster.admin.granted<{ metadata: object }>({
      ...{ method: 'PATCH', path },
      body: { metadata: { annotations: { 'forge.dev/job-id': one.key.jobId } } },
    });
    const answer = await cluster.newRunner().start(other);
    expect(answer).toMatchObject({ kind: 'refused', message: expect.stringMatching(/CONFLICT/) });
    const left = await cluster.admin.granted<typeof taken>({ path });
    expect(left.metadata).toMatchObject({ uid: (taken.metadata as { uid: string }).uid });
  });
});

(runsPrograms ? describe : describe.skip)('a removal (faults 12, 47)', () => {
  it.each(['PATCH jobs', 'DELETE jobs', 'DELETE pods'])(
    'that broke off at %s is done by another worker, and leaves nothing',
    async (call) => {
      const one = asked('sleep 60');
      const first = cluster.newRunner(way);
      await first.start(one);
      way.lose(call, 'answer');
      const gaveUp = new AbortController();
      const removing = first.remove(one.key, { signal: gaveUp.signal }).catch(() => undefined);
      await eventually(() => way.arrived.includes(call));
      gaveUp.abort(new Error('killed'));
      await removing;
      await first.close();
      const second = cluster.newRunner();
      await second.remove(one.key);
      expect(await there('pods')).toEqual([]);
      await second.remove(one.key);
      expect(await second.look(one.key)).toEqual({ kind: 'absent' });
      // The Secret goes with its Job, by the garbage collector.
      await eventually(async () => (await counts()).join() === '0,0,0');
    },
  );

  it('finds what no row knows of: it is listed, and goes', async () => {
    const one = asked('sleep 60');
    await cluster.newRunner().start(one);
    const sweeper = cluster.newRunner();
    expect((await sweeper.list()).map(({ key }) => key)).toContainEqual(one.key);
    await sweeper.remove(one.key);
    expect(await sweeper.list()).toEqual([]);
  });

  it('takes this very Job and no other that has its name by then', async () => {
    const one = asked('sleep 60');
    const stale = cluster.newRunner();
    await stale.start(one);
    const [before] = await there('jobs');
    await cluster.newRunner().remove(one.key);
    await cluster.newRunner().start(one);
    const path = `/apis/batch/v1/namespaces/${namespace}/jobs/${attemptName(one.key)}`;
    const body = { preconditions: { uid: before?.metadata.uid } };
    expect(await cluster.admin.ask({ method: 'DELETE', path, body })).toMatchObject({
      ...{ status: 409 },
    });
    const [after] = await there('jobs');
    expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
    await stale.remove(one.key);
    expect(await there('jobs')).toEqual([]);
  });
});

(runsPrograms ? describe : describe.skip)('a quota that is used up (fault 23)', () => {
  const quota = `/api/v1/namespaces/${namespace}/resourcequotas/forge-tenant`;
  const setHard = async (hard: Readonly<Record<string, string>>): Promise<void> => {
    await cluster.admin.granted({ method: 'PATCH', path: quota, body: { spec: { hard } } });
    const isCounted = async (): Promise<boolean> => {
      const { status } = await cluster.admin.granted<{ status: { hard: Record<string, string> } }>({
        path: quota,
      });
      return Object.entries(hard).every(([name, value]) => status.hard[name] === value);
    };
    await eventually(isCounted);
  };
  afterEach(async () => {
    await setHard({ 'count/jobs.batch': '50', pods: '50' });
  });

  it('of Jobs is no refusal: the same start succeeds when there is room', async () => {
    await setHard({ 'count/jobs.batch': '0' });
    const runner = cluster.newRunner();
    const one = asked();
    expect(await runner.start(one)).toMatchObject({
      kind: 'postponed',
      message: expect.stringContaining('count/jobs.batch'),
    });
    expect(await there('jobs')).toEqual([]);
    await setHard({ 'count/jobs.batch': '50' });
    await eventually(async () => {
      const answer = await runner.start(one).catch(() => undefined);
      return answer?.kind === 'started';
    });
    expect(await ended(runner, one)).toMatchObject({ kind: 'ended' });
  });

  it('of pods keeps a program starting, until there is room for it', async () => {
    await setHard({ pods: '0' });
    const runner = cluster.newRunner();
    const one = asked();
    expect(await runner.start(one)).toEqual({ kind: 'started' });
    expect(await runner.look(one.key)).toMatchObject({ kind: 'starting' });
    await setHard({ pods: '50' });
    expect(await ended(runner, one)).toMatchObject({ kind: 'ended', verdict: { exitCode: 0 } });
  });
});

(runsPrograms ? describe : describe.skip)('a stop (fault 20)', () => {
  (ours ? it : it.skip)('of a program for which there is no node yet removes it', async () => {
    await setSchedulable(false);
    const runner = cluster.newRunner();
    const one = asked('sleep 60');
    try {
      await runner.start(one);
      expect(await runner.look(one.key)).toMatchObject({ kind: 'starting' });
      await runner.stop(one.key, { graceMs: 0 });
      await runner.remove(one.key);
      expect(await runner.look(one.key)).toEqual({ kind: 'absent' });
      await eventually(async () => (await counts()).join() === '0,0,0');
    } finally {
      await setSchedulable(true);
    }
  });

  it('of one that runs ends it once, as stopped, whoever looks', async () => {
    const one = asked(`trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done`);
    const runner = cluster.newRunner();
    await runner.start(one);
    const start = { position: outputStart, kind: 'running' } as const;
    await runner.wait(one.key, start, { timeoutMs: 20_000 });
    await Promise.all([
      runner.stop(one.key, { graceMs: 5_000 }),
      cluster.newRunner().stop(one.key, { graceMs: 5_000 }),
    ]);
    const verdict = { exitCode: 3, stopped: true };
    expect(await ended(runner, one)).toMatchObject({ kind: 'ended', verdict });
    expect(await ended(cluster.newRunner(), one)).toMatchObject({ kind: 'ended', verdict });
  });

  it('of one that is done leaves it done', async () => {
    const one = asked();
    const runner = cluster.newRunner();
    await runner.start(one);
    await ended(runner, one);
    await runner.stop(one.key, { graceMs: 0 });
    const verdict = { exitCode: 0, stopped: false };
    expect(await runner.look(one.key)).toMatchObject({ kind: 'ended', verdict });
  });
});

async function setSchedulable(is: boolean): Promise<void> {
  const path = '/api/v1/nodes/sandbox-1';
  await cluster.admin.granted({ method: 'PATCH', path, body: { spec: { unschedulable: !is } } });
}
