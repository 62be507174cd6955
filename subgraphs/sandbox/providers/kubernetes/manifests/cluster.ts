import { clusterRoleBindings, clusterRoles } from './cluster/access.ts';
import { admissionPolicies } from './cluster/admission.ts';
import type { Admission } from './cluster/admission.ts';
import { labelNames } from './names.ts';
import type { ClusterRole, ClusterRoleBinding, PriorityClass } from './objects.ts';
import type { SandboxClusterSettings } from './settings.ts';

/** What a cluster has once, for all tenants together. An operator installs it: Forge may not. */
export interface ClusterObjects {
  readonly priorityClass: PriorityClass;
  readonly clusterRoles: readonly ClusterRole[];
  readonly clusterRoleBindings: readonly ClusterRoleBinding[];
  readonly admission: readonly Admission[];
}

/**
 * Says what a cluster needs before its first tenant. The RuntimeClass is not
 * among it: it belongs to whoever installs gVisor or Kata on the nodes, and is
 * named in the settings.
 */
export function clusterObjects(
  settings: Pick<
    SandboxClusterSettings,
    'priorityClass' | 'controllerNamespace' | 'isolation' | 'registries'
  >,
): ClusterObjects {
  return {
    priorityClass: sandboxPriority(settings.priorityClass),
    clusterRoles: clusterRoles(),
    clusterRoleBindings: clusterRoleBindings(settings),
    admission: admissionPolicies(settings),
  };
}

/**
 * Below everything that has no class of its own (0), and pushing nothing off.
 * Not below -10: for such pods the Cluster Autoscaler adds no node.
 * Source: Cluster Autoscaler, FAQ, expendable pods.
 */
function sandboxPriority(name: string): PriorityClass {
  return {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name, labels: { [labelNames.managedBy]: 'forge' } },
    value: -1,
    globalDefault: false,
    preemptionPolicy: 'Never',
    description: "Customers' programs.",
  };
}
