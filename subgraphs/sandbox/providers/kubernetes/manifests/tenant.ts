import { annotationNames, labelNames, tenantLabel, tenantNamespace } from './names.ts';
import type {
  LimitRange,
  Namespace,
  NetworkPolicy,
  ResourceQuota,
  RoleBinding,
  ServiceAccount,
} from './objects.ts';
import type { SandboxClusterSettings } from './settings.ts';
import { tenantAccess, tenantAccount } from './tenant/access.ts';
import { networkPolicies } from './tenant/network.ts';
import { containerLimits, tenantResources } from './tenant/resources.ts';

export interface TenantObjects {
  readonly namespace: Namespace;
  /** Made right after the namespace: a pod that is there before them is not held by them. */
  readonly networkPolicies: readonly NetworkPolicy[];
  readonly resourceQuota: ResourceQuota;
  readonly limitRange: LimitRange;
  readonly serviceAccount: ServiceAccount;
  /** Made last: from then on the controller can run attempts here. */
  readonly roleBinding: RoleBinding;
}

/** What every namespace of a tenant says, so that policies find it. */
export const tenancyLabel = { [labelNames.role]: 'tenant' } as const;

/**
 * Says what a tenant has on a cluster: a namespace of its own, in which nothing
 * is allowed that is not named here. The same tenant always gives the same.
 */
export function tenantObjects(tenantId: string, settings: SandboxClusterSettings): TenantObjects {
  const namespace = tenantNamespace(tenantId);
  return {
    namespace: tenantRoom(tenantId, settings),
    networkPolicies: networkPolicies(namespace, settings),
    resourceQuota: tenantResources(namespace, settings),
    limitRange: containerLimits(namespace, settings),
    serviceAccount: tenantAccount(namespace),
    roleBinding: tenantAccess(namespace, settings),
  };
}

/** Those objects in the order in which they must come to be. */
export function inOrder(objects: TenantObjects): readonly TenantObject[] {
  const { namespace, resourceQuota, limitRange, serviceAccount, roleBinding } = objects;
  return [
    namespace,
    ...objects.networkPolicies,
    resourceQuota,
    limitRange,
    serviceAccount,
    roleBinding,
  ];
}

export type TenantObject =
  Namespace | NetworkPolicy | ResourceQuota | LimitRange | ServiceAccount | RoleBinding;

/** Source: Kubernetes, Enforce Pod Security Standards with Namespace Labels. */
function tenantRoom(
  tenantId: string,
  { podSecurityVersion, region }: SandboxClusterSettings,
): Namespace {
  const modes = ['enforce', 'audit', 'warn'].flatMap((mode) => [
    [`pod-security.kubernetes.io/${mode}`, 'restricted'],
    // Not `latest`: an upgrade of the cluster must not end everybody's programs.
    [`pod-security.kubernetes.io/${mode}-version`, podSecurityVersion],
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: tenantNamespace(tenantId),
      labels: {
        ...(Object.fromEntries(modes) as Record<string, string>),
        [labelNames.managedBy]: 'forge',
        ...tenancyLabel,
        [labelNames.tenant]: tenantLabel(tenantId),
        ...(region === null ? {} : { [labelNames.region]: region }),
      },
      annotations: { [annotationNames.tenantId]: tenantId },
    },
  };
}
