import { afterAll, describe } from '@jest/globals';
import { runnerContract } from '../../subgraphs/sandbox/providers/fixtures/runner-contract.ts';
import { Cluster, runsPrograms } from './fixtures/cluster.ts';

const cluster = await Cluster.open();
await cluster.tenant('acme');
afterAll(() => cluster[Symbol.asyncDispose]());

(runsPrograms ? describe : describe.skip)('programs', () => {
  runnerContract('the Kubernetes runner on a real API server', () =>
    Promise.resolve(cluster.newRunner()),
  );
});
