import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  controllerAccount,
  tenancyAccount,
} from '../../../subgraphs/sandbox/providers/kubernetes/manifests/names.ts';
import type { SandboxClusterSettings } from '../../../subgraphs/sandbox/providers/kubernetes/manifests/settings.ts';
import type { Api } from '../api.ts';
import { writeKubeconfig } from './kubeconfig.ts';

/** Kubeconfigs of the two accounts of the chart, with tokens as their pods would be given. */
export async function accountsOf(
  api: Api,
  adminKubeconfig: string,
  folder: string,
  { controllerNamespace }: SandboxClusterSettings,
): Promise<{ readonly controller: string; readonly tenancy: string }> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(adminKubeconfig);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error(`${adminKubeconfig} names no cluster.`);
  const { server, caData, caFile } = cluster;
  const base64 = caData ?? (await readFile(caFile ?? '')).toString('base64');
  const written = [controllerAccount, tenancyAccount].map(async (account) => {
    const path = join(folder, `${account}.kubeconfig`);
    const token = await tokenOf(api, controllerNamespace, account);
    await writeKubeconfig(path, { server, certificate: { base64 }, token });
    return path;
  });
  const [controller = '', tenancy = ''] = await Promise.all(written);
  return { controller, tenancy };
}

async function tokenOf(api: Api, namespace: string, account: string): Promise<string> {
  const { status } = await api.granted<{ status: { token: string } }>({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 7_200 },
    },
  });
  return status.token;
}
