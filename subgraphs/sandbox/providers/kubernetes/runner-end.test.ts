import { describe, expect, it } from '@jest/globals';
import type { PodHandle } from '../../../../infra/simulators/kubernetes/pod-handle.ts';
import { idle } from '../../../../infra/simulators/kubernetes/kubelet.ts';
import { timestamp } from '../../../../infra/simulators/kubernetes/objects.ts';
import { readAll } from '../fixtures/run-program.ts';
import type { AttemptSight } from '../runner.ts';
import { asked, newRunner, script, sightAfter, useCluster } from './fixtures/workers.ts';

const cluster = useCluster();

/** Starts an attempt whose pod does what is said once it runs. */
async function endOf(then: (handle: PodHandle) => void): Promise<AttemptSight> {
  script(async (handle) => {
    handle.scheduled();
    handle.running();
    await new Promise((resolve) => setTimeout(resolve, 20));
    then(handle);
  });
  const runner = newRunner();
  const one = asked();
  await runner.start(one);
  return sightAfter(runner, one);
}

describe('an end', () => {
  it.each<[string, (handle: PodHandle) => void, object]>([
    [
      'a program',
      (h) => {
        h.exited({ exitCode: 3 });
      },
      { kind: 'ended', verdict: { exitCode: 3, signal: null } },
    ],
    [
      'a signal',
      (h) => {
        h.exited({ exitCode: 139 });
      },
      { kind: 'ended', verdict: { exitCode: null, signal: 'SIGSEGV' } },
    ],
    [
      '137 without more',
      (h) => {
        h.exited({ exitCode: 137 });
      },
      { kind: 'ended', verdict: { signal: 'SIGKILL', oomKilled: false } },
    ],
    [
      'its memory',
      (h) => {
        h.exited({ exitCode: 137, reason: 'OOMKilled' });
      },
      { kind: 'ended', verdict: { oomKilled: true } },
    ],
    [
      'its disk',
      (h) => {
        h.failed('Evicted', 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". ', {
          exitCode: 137,
        });
      },
      { kind: 'ended', verdict: { diskLimit: true } },
    ],
    [
      'an eviction for the node',
      (h) => {
        h.failed('Evicted', 'The node was low on resource: memory.', { exitCode: 137 });
      },
      { kind: 'lost', message: 'Evicted: The node was low on resource: memory.' },
    ],
    [
      'the deadline of its pod',
      (h) => {
        h.failed('DeadlineExceeded', 'Pod was active too long', { exitCode: 137 });
      },
      { kind: 'ended', verdict: { timedOut: true } },
    ],
    [
      'its node',
      (h) => {
        h.nodeLost();
      },
      { kind: 'lost' },
    ],
    [
      'a start error',
      (h) => {
        h.exited({ exitCode: 128, reason: 'StartError' });
      },
      { kind: 'refused', reason: 'START_FAILED' },
    ],
  ])('by %s is told as what it is', async (_, then, sight) => {
    expect(await endOf(then)).toMatchObject(sight);
  });

  it('of a pod that somebody deleted is a loss, and is not seen as running for ever', async () => {
    script(idle);
    const runner = newRunner();
    const one = asked();
    await runner.start(one);
    const [handle] = cluster.current.simulator.kubelet.handles;
    handle?.gone();
    handle?.update((pod) => {
      pod.metadata.finalizers = [];
    });
    expect(await sightAfter(runner, one)).toMatchObject({ kind: 'lost' });
  });

  it('of a pod that was to end and is not heard of again is a loss, for as long as it is there', async () => {
    const over = Promise.withResolvers<undefined>();
    script(async (handle) => {
      handle.scheduled();
      handle.running();
      await over.promise;
    });
    const runner = newRunner();
    const one = asked();
    await runner.start(one);
    const isToEnd = (at: Date): void => {
      cluster.current.simulator.kubelet.handles[0]?.update((pod) => {
        pod.metadata.deletionTimestamp = timestamp(at);
        pod.metadata.deletionGracePeriodSeconds = 30;
      });
    };
    try {
      isToEnd(new Date());
      expect(await runner.look(one.key)).toMatchObject({ kind: 'running' });
      const at = new Date(Date.now() - 31_000);
      isToEnd(at);
      const lastSeenAt = new Date(timestamp(at));
      expect(await sightAfter(runner, one)).toMatchObject({ kind: 'lost', lastSeenAt });
    } finally {
      over.resolve(undefined);
    }
  });

  it('is known to a worker that was not there', async () => {
    script(async (handle) => {
      handle.scheduled();
      handle.running();
      for (let n = 0; n < 50; n += 1) handle.print(`${n}\n`);
      handle.exited({ exitCode: 4 });
    });
    const one = asked();
    await newRunner().start(one);
    const other = newRunner();
    expect(await sightAfter(other, one)).toMatchObject({ kind: 'ended', verdict: { exitCode: 4 } });
    const { lines } = await readAll(other, one);
    expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, n) => String(n)));
  });
});

describe('a start that cannot be', () => {
  it.each<[string, (handle: PodHandle) => void]>([
    [
      'an image that cannot be pulled',
      (h) => {
        h.waiting('ImagePullBackOff', 'not found');
      },
    ],
    [
      'a container that cannot be made',
      (h) => {
        h.waiting('CreateContainerConfigError', 'no secret');
      },
    ],
    [
      'no node',
      (h) => {
        h.unschedulable();
      },
    ],
  ])('for %s is waited for, then told with its reason', async (_, then) => {
    script(async (handle) => {
      handle.scheduled();
      then(handle);
    });
    const runner = newRunner();
    const one = asked();
    await runner.start(one);
    expect(await runner.look(one.key)).toMatchObject({ kind: 'starting' });
    const [handle] = cluster.current.simulator.kubelet.handles;
    handle?.update((pod) => {
      pod.metadata.creationTimestamp = '2020-01-01T00:00:00Z';
    });
    const sight = await sightAfter(runner, one);
    expect(sight).toMatchObject({ kind: 'refused', reason: 'START_FAILED' });
    expect(JSON.stringify(sight)).toMatch(/not found|no secret|Insufficient cpu/);
  });
});
