import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';
import { programs } from '../../../../infra/simulators/kubernetes/programs.ts';
import { createLog } from '../../../shared/log.ts';
import { runnerContract } from '../fixtures/runner-contract.ts';
import { kubernetesRunner } from '../kubernetes.ts';
import type { KubernetesRunner } from '../kubernetes.ts';
import { quick, startCluster } from './fixtures/cluster.ts';
import type { Cluster } from './fixtures/cluster.ts';
import { sandboxClusterSettings } from './manifests/settings.ts';

const wrapper = fileURLToPath(new URL('./wrapper/forge-run.pl', import.meta.url));
const image = (name: string): string => `registry.example/${name}@sha256:${'1'.repeat(64)}`;
const settings = sandboxClusterSettings.parse({
  registries: ['registry.example'],
  templates: {
    node: { image: image('node'), interpreter: '/opt/node/bin/node' },
    python: { image: image('python'), interpreter: '/usr/bin/python3' },
    shell: { image: image('shell'), interpreter: '/bin/sh' },
  },
  wrapper: '/forge-run',
});

let cluster: Cluster;
let runner: KubernetesRunner;

runnerContract('the Kubernetes runner', async () => {
  const files = { '/forge-run': wrapper, '/opt/node/bin/node': process.execPath };
  cluster = await startCluster({
    script: programs({ store: () => cluster.simulator.store, files }),
  });
  const log = createLog({ level: 'silent' });
  runner = kubernetesRunner({ kubeconfig: cluster.kubeconfig, settings, client: quick, log });
  return runner;
});
afterAll(async () => {
  await runner.close();
  await cluster[Symbol.asyncDispose]();
});
