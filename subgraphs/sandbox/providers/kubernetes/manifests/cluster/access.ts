import { controllerAccount, labelNames, runRole, tenancyAccount } from '../names.ts';
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from '../objects.ts';
import type { SandboxClusterSettings } from '../settings.ts';

const labels = { [labelNames.managedBy]: 'forge' };
const batch = ['batch'];
const core = [''];

/** What the controller sees of all namespaces: two streams, however many tenants there are. */
const watchRules: PolicyRule[] = [
  { apiGroups: batch, resources: ['jobs'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: core, resources: ['pods'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['metrics.k8s.io'], resources: ['pods'], verbs: ['get', 'list'] },
];

/**
 * What the controller does in a tenant's namespace. It cannot read a Secret
 * back, nor get into a container, nor run anything beside an attempt.
 */
const runRules: PolicyRule[] = [
  { apiGroups: batch, resources: ['jobs'], verbs: ['create', 'delete', 'patch'] },
  { apiGroups: core, resources: ['pods'], verbs: ['delete'] },
  { apiGroups: core, resources: ['pods/log'], verbs: ['get'] },
  { apiGroups: core, resources: ['secrets'], verbs: ['create', 'delete'] },
];

const keep = ['create', 'get', 'list', 'patch'];

/**
 * What makes and removes tenants' namespaces: another account, so that what
 * talks to programs cannot loosen what holds them. It may give away one role.
 */
const tenancyRules: PolicyRule[] = [
  { apiGroups: core, resources: ['namespaces'], verbs: [...keep, 'delete'] },
  { apiGroups: core, resources: ['resourcequotas', 'limitranges', 'serviceaccounts'], verbs: keep },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: keep },
  { apiGroups: ['rbac.authorization.k8s.io'], resources: ['rolebindings'], verbs: keep },
  {
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['clusterroles'],
    resourceNames: [runRole],
    verbs: ['bind'],
  },
];

export const watchRole = 'forge-sandbox-watch';
const tenancyRole = 'forge-sandbox-tenancy';

/**
 * The roles of the two accounts. The one to run attempts is bound to nothing
 * here: each tenant's namespace binds it for itself.
 * Source: Kubernetes, Role Based Access Control Good Practices.
 */
export function clusterRoles(): ClusterRole[] {
  return [role(watchRole, watchRules), role(runRole, runRules), role(tenancyRole, tenancyRules)];
}

export function clusterRoleBindings({
  controllerNamespace,
}: Pick<SandboxClusterSettings, 'controllerNamespace'>): ClusterRoleBinding[] {
  return [
    binding(watchRole, controllerAccount, controllerNamespace),
    binding(tenancyRole, tenancyAccount, controllerNamespace),
  ];
}

function role(name: string, rules: PolicyRule[]): ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, labels },
    rules,
  };
}

function binding(name: string, account: string, namespace: string): ClusterRoleBinding {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name, labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
  };
}
