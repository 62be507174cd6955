import { clusterObjects } from '../../../subgraphs/sandbox/providers/kubernetes/manifests/cluster.ts';
import {
  controllerAccount,
  tenancyAccount,
} from '../../../subgraphs/sandbox/providers/kubernetes/manifests/names.ts';
import type { SandboxClusterSettings } from '../../../subgraphs/sandbox/providers/kubernetes/manifests/settings.ts';
import type { Api } from '../api.ts';

interface Installed {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
  readonly metadata?:
    { readonly name?: string | undefined; readonly namespace?: string | undefined } | undefined;
}

/** What was put on a cluster, in its order. */
export type Installation = readonly Installed[];

/**
 * Puts on a cluster what the chart puts there (`infra/helm` compares the two),
 * and the RuntimeClass, which belongs to whoever installs gVisor. What is there
 * already is left as it is, and is not part of the answer.
 */
export async function install(api: Api, settings: SandboxClusterSettings): Promise<Installation> {
  const { controllerNamespace: namespace } = settings;
  const { priorityClass, clusterRoles, clusterRoleBindings, admission } = clusterObjects(settings);
  const objects: Installed[] = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...[controllerAccount, tenancyAccount].map((name) => ({
      ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    })),
    ...runtimeClass(settings),
    priorityClass,
    ...clusterRoles,
    ...clusterRoleBindings,
    ...admission.flatMap(({ policy, binding }) => [policy, binding]),
  ];
  const made: Installed[] = [];
  for (const object of objects) {
    const { status, message } = await api.ask({
      ...{ method: 'POST', path: pathOf(object), body: object },
      query: { fieldValidation: 'Strict' },
    });
    if (status === 201) made.push(object);
    else if (status !== 409) throw new Error(`${object.kind} ${object.metadata?.name}: ${message}`);
  }
  return made;
}

/** Takes away what was put there, the last first. */
export async function uninstall(api: Api, made: Installation): Promise<void> {
  for (const object of [...made].reverse()) {
    const path = `${pathOf(object)}/${object.metadata?.name ?? ''}`;
    await api.ask({ method: 'DELETE', path });
  }
}

function runtimeClass({ isolation }: SandboxClusterSettings): Installed[] {
  const { runtimeClass: name } = isolation;
  if (name === null) return [];
  const object = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name } };
  return [{ ...object, handler: 'runsc' } as Installed];
}

const plurals: Readonly<Record<string, string>> = {
  NetworkPolicy: 'networkpolicies',
  PriorityClass: 'priorityclasses',
  RuntimeClass: 'runtimeclasses',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
};

/** Where objects of this kind are made. */
export function pathOf({ apiVersion = 'v1', kind = '', metadata }: Installed): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const room = metadata?.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${room}/${plurals[kind] ?? `${kind.toLowerCase()}s`}`;
}
