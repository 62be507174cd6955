import { expect, it } from '@jest/globals';
import type { Job } from '../../../../infra/simulators/kubernetes/objects.ts';
import { resources } from '../../../../infra/simulators/kubernetes/resources.ts';
import { eventually } from './fixtures/cluster.ts';
import { asked, jobs, newRunner, useCluster } from './fixtures/workers.ts';
import { plain } from './manifests/fixtures/samples.ts';

const cluster = useCluster();
const queued = { ...plain, queueName: 'sandbox' };

function suspend(is: boolean): void {
  const [job] = jobs();
  if (!job) throw new Error('no job');
  cluster.current.simulator.store.update(resources.jobs, job as Job, ({ spec }) => {
    spec.suspend = is;
  });
}

it('a Job for a queue is made suspended, says that it waits for it, and runs when it is let in', async () => {
  const runner = newRunner(queued);
  const one = asked();
  expect(await runner.start(one)).toEqual({ kind: 'started' });
  expect(jobs()).toMatchObject([
    { spec: { suspend: true }, metadata: { labels: { 'kueue.x-k8s.io/queue-name': 'sandbox' } } },
  ]);
  const held = { by: 'QUEUE', message: expect.stringContaining('"sandbox"') as unknown };
  expect(await runner.look(one.key)).toMatchObject({ kind: 'starting', held });
  expect(cluster.current.simulator.store.list(resources.pods)).toEqual([]);
  suspend(false);
  await runner.wait(one.key, { position: '', kind: 'starting' }, { timeoutMs: 5_000 });
  expect(await runner.look(one.key)).toMatchObject({ kind: 'running' });
});

it('a program that its queue takes off again while it runs is lost, and is not started a second time', async () => {
  const runner = newRunner(queued);
  const one = asked();
  await runner.start(one);
  suspend(false);
  await runner.wait(one.key, { position: '', kind: 'starting' }, { timeoutMs: 5_000 });
  suspend(true);
  const pods = () => cluster.current.simulator.store.list(resources.pods);
  await eventually(() => pods().length === 0);
  await runner.wait(one.key, { position: '', kind: 'running' }, { timeoutMs: 5_000 });
  expect((await runner.look(one.key)).kind).toBe('lost');
  await runner.remove(one.key);
  expect([jobs(), pods()]).toEqual([[], []]);
});
