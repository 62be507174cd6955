import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PodScript } from '../../infra/simulators/kubernetes/kubelet.ts';
import { idle } from '../../infra/simulators/kubernetes/kubelet.ts';
import type { PodHandle } from '../../infra/simulators/kubernetes/pod-handle.ts';
import { once } from 'node:events';
import { order } from '../../subgraphs/sandbox/providers/fixtures/run-program.ts';
import { outputStart } from '../../subgraphs/sandbox/providers/runner.ts';
import type { AttemptKey, AttemptSight } from '../../subgraphs/sandbox/providers/runner.ts';
import type { KubernetesRunner } from '../../subgraphs/sandbox/providers/kubernetes.ts';
import { Cluster, ours } from './fixtures/cluster.ts';

/** What a node does to pods is played: so the node has to be ours. */
(ours ? describe : describe.skip)('an end that the cluster brings about', () => {
  let cluster: Cluster;
  let runner: KubernetesRunner;
  beforeAll(async () => {
    cluster = await Cluster.open();
    await cluster.tenant('acme');
    runner = cluster.newRunner();
  });
  afterEach(async () => {
    for (const { key } of await runner.list()) await runner.remove(key);
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  async function started(script: PodScript): Promise<AttemptKey> {
    if (!cluster.node) throw new Error('the node is not ours');
    cluster.node.kubelet.script = script;
    const one = order({ source: 'true', tenantId: 'acme' });
    expect(await runner.start(one)).toEqual({ kind: 'started' });
    return one.key;
  }

  async function settled(key: AttemptKey): Promise<AttemptSight> {
    for (const end = Date.now() + 60_000; ;) {
      const sight = await runner.look(key);
      const isOver = sight.kind !== 'starting' && sight.kind !== 'running';
      if (isOver || Date.now() > end) return sight;
      await runner.wait(key, { position: outputStart, kind: sight.kind }, { timeoutMs: 200 });
    }
  }

  const runningThen =
    (then: (handle: PodHandle) => void): PodScript =>
    async (handle) => {
      handle.scheduled();
      handle.running();
      then(handle);
    };

  it.each<[string, (handle: PodHandle) => void, object]>([
    [
      'its memory',
      (pod) => {
        pod.exited({ exitCode: 137, reason: 'OOMKilled' });
      },
      { kind: 'ended', verdict: { oomKilled: true } },
    ],
    [
      'its disk',
      (pod) => {
        const why = 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". ';
        pod.failed('Evicted', why, { exitCode: 137 });
      },
      { kind: 'ended', verdict: { diskLimit: true } },
    ],
    [
      'a node that has too little memory',
      (pod) => {
        pod.failed('Evicted', 'The node was low on resource: memory.', { exitCode: 137 });
      },
      { kind: 'lost', message: 'Evicted: The node was low on resource: memory.' },
    ],
    [
      'the deadline of its pod',
      (pod) => {
        pod.failed('DeadlineExceeded', 'Pod was active too long', { exitCode: 137 });
      },
      { kind: 'ended', verdict: { timedOut: true } },
    ],
    [
      'a start error',
      (pod) => {
        pod.exited({ exitCode: 128, reason: 'StartError' });
      },
      { kind: 'refused', reason: 'START_FAILED' },
    ],
  ])('by %s is told as what it is', async (_, then, sight) => {
    expect(await settled(await started(runningThen(then)))).toMatchObject(sight);
  });

  it('by somebody who deletes the pod, without a word of its program, is a loss', async () => {
    const key = await started(async (pod, { signal }) => {
      pod.scheduled();
      pod.running();
      if (!signal.aborted) await once(signal, 'abort');
    });
    const { metadata } = await podNow();
    const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
    await cluster.admin.granted({ method: 'DELETE', path, query: { gracePeriodSeconds: '0' } });
    expect(await settled(key)).toMatchObject({ kind: 'lost' });
  });

  it('by somebody who deletes the Job leaves nothing that runs', async () => {
    const key = await started(idle);
    const { metadata } = await podNow();
    const [owner] = metadata.ownerReferences;
    const path = `/apis/batch/v1/namespaces/${metadata.namespace}/jobs/${owner.name}`;
    await cluster.admin.granted({ method: 'DELETE', path });
    await runner.remove(key);
    expect(await runner.look(key)).toEqual({ kind: 'absent' });
    expect((await cluster.admin.granted<Pods>({ path: podsPath })).items).toEqual([]);
  });

  it('by a node that is gone, with its kubelet, is a loss', async () => {
    const key = await started(idle);
    await cluster.node?.silence();
    await cluster.admin.granted({ method: 'DELETE', path: '/api/v1/nodes/sandbox-1' });
    // Within the time of the controller that collects pods of nodes that are gone.
    let sight = await settled(key);
    if (sight.kind === 'running') sight = await settled(key);
    expect(sight).toMatchObject({ kind: 'lost' });
    expect(JSON.stringify(sight)).toMatch(/node no longer exists|gone/i);
  });

  const podsPath = '/api/v1/pods';

  async function podNow(): Promise<Pods['items'][number]> {
    const [pod] = (await cluster.admin.granted<Pods>({ path: podsPath })).items;
    if (!pod) throw new Error('there is no pod');
    return pod;
  }
});

interface Pods {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly namespace: string;
      readonly ownerReferences: readonly [{ readonly name: string }];
    };
  }[];
}
