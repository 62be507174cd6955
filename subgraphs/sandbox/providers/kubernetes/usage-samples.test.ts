import { expect, it } from '@jest/globals';
import { resources } from '../../../../infra/simulators/kubernetes/resources.ts';
import { eventually, startCluster } from './fixtures/cluster.ts';
import type { Cluster } from './fixtures/cluster.ts';
import { UsageSamples } from './usage-samples.ts';

const labels = { 'app.kubernetes.io/managed-by': 'forge', 'forge.dev/role': 'attempt' };
const nothing = { at: new Date(), wallMs: 1, cpuMs: 0, memoryBytes: 0, memoryPeakBytes: 0 };
const pace = { everyMs: 5, absentMs: 5 };

function measure({ simulator }: Cluster, second: number, cpu: string, memory: string): void {
  const { store } = simulator;
  const timestamp = new Date(second * 1_000).toISOString();
  const containers = [{ name: 'main', usage: { cpu, memory } }];
  const found = store.find(resources.podmetrics, 'default', 'one');
  const measured = { timestamp, containers };
  if (!found) {
    const draft = { metadata: { name: 'one', labels }, ...measured };
    store.create(resources.podmetrics, draft as never, 'default');
  } else store.update(resources.podmetrics, found, (draft) => Object.assign(draft, measured));
}

it('adds up what the cluster measures of a pod, and keeps the highest memory', async () => {
  await using cluster = await startCluster();
  const samples = new UsageSamples(cluster.client, () => true, pace);
  const used = () => samples.filled(nothing, 'default', 'one');
  measure(cluster, 100, '250m', '20Mi');
  await eventually(() => used().memoryBytes === 20 * 2 ** 20);
  measure(cluster, 115, '500000000n', '10240Ki');
  await eventually(() => used().memoryBytes === 10 * 2 ** 20);
  await eventually(() => cluster.simulator.count('list pods') > 5);
  expect(used()).toMatchObject({ cpuMs: 7_500, memoryPeakBytes: 20 * 2 ** 20, wallMs: 1 });
  expect(samples.filled(nothing, 'default', 'other')).toBe(nothing);
  await samples.close();
});

it('asks nothing while nothing runs, and goes on where the cluster has no metrics', async () => {
  await using cluster = await startCluster();
  let isNeeded = false;
  const samples = new UsageSamples(cluster.client, () => isNeeded, pace);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(cluster.simulator.count('list pods')).toBe(0);
  cluster.simulator.faults.add({ verb: 'list', fault: { kind: 'status', code: 404 }, times: 3 });
  isNeeded = true;
  measure(cluster, 100, '1', '1Mi');
  await eventually(() => samples.filled(nothing, 'default', 'one').memoryBytes === 2 ** 20);
  await samples.close();
});
