import { controllerAccount, labelNames, runRole, sandboxServiceAccount } from '../names.ts';
import type { RoleBinding, ServiceAccount } from '../objects.ts';
import type { SandboxClusterSettings } from '../settings.ts';

const labels = { [labelNames.managedBy]: 'forge' };

/** Who a program is for the cluster: nobody. No role is bound to it and no token is made for it. */
export function tenantAccount(namespace: string): ServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: sandboxServiceAccount, namespace, labels },
    automountServiceAccountToken: false,
  };
}

/** Lets the controller run attempts in this namespace. It may in no other kind of namespace. */
export function tenantAccess(
  namespace: string,
  { controllerNamespace }: SandboxClusterSettings,
): RoleBinding {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: runRole, namespace, labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: runRole },
    subjects: [{ kind: 'ServiceAccount', name: controllerAccount, namespace: controllerNamespace }],
  };
}
