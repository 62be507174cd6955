import { afterAll, beforeAll, describe } from '@jest/globals';
import { runnerContract } from '../../subgraphs/sandbox/providers/fixtures/runner-contract.ts';
import { openRealGate } from '../../subgraphs/sandbox/providers/kubernetes/fixtures/real-gate.ts';
import { settingsWithGate } from '../../subgraphs/sandbox/providers/kubernetes/fixtures/real-programs.ts';
import { Cluster, ours, runsPrograms, settings } from './fixtures/cluster.ts';

(runsPrograms ? describe : describe.skip)('programs', () => {
  let cluster: Cluster;
  let gate: Awaited<ReturnType<typeof openRealGate>>;
  beforeAll(async () => {
    cluster = await Cluster.open();
    // Pods of a cluster that is somewhere else come from there.
    gate = await openRealGate(
      ours ? undefined : { host: '0.0.0.0', port: settings.gate?.port ?? 0 },
    );
    await cluster.tenant('acme', withGate());
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await gate.close();
  });

  const withGate = () => (ours ? settingsWithGate(gate.port) : settings);

  runnerContract('the Kubernetes runner on a real API server', () =>
    Promise.resolve(gate.through(cluster.newRunner({ settings: withGate() }))),
  );
});
