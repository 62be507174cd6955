import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  settingsWithGate,
  startRealCluster,
} from '../../subgraphs/sandbox/providers/kubernetes/fixtures/real-programs.ts';
import { freePort, startProduct } from './product.ts';
import type { Product } from './product.ts';

/**
 * The product as `npm start` runs it, whose jobs run on a double of a Kubernetes
 * cluster: each really runs in a pod there, and its sidecar brings what it left.
 */
export async function startKubernetesProduct(): Promise<Product> {
  const gatePort = await freePort();
  const settings = settingsWithGate(gatePort);
  const { cluster } = await startRealCluster(settings);
  const folder = await mkdtemp(join(tmpdir(), 'forge-cluster-settings-'));
  const settingsFile = join(folder, 'sandbox.json');
  await writeFile(settingsFile, JSON.stringify(settings));
  const product = await startProduct({
    env: {
      FORGE_SANDBOX: 'kubernetes',
      FORGE_KUBECONFIG: cluster.kubeconfig,
      FORGE_SANDBOX_SETTINGS: settingsFile,
      FORGE_ARTIFACTS_GATE_PORT: String(gatePort),
    },
  });
  return {
    ...product,
    async remove() {
      await product.remove();
      await cluster[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
