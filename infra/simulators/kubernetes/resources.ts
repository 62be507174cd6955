/** The resources of a cluster that the double serves, and how their addresses are read. */
export interface Resource {
  readonly apiVersion: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const named = (apiVersion: string, plural: string, kind: string, namespaced = true): Resource => ({
  apiVersion,
  plural,
  kind,
  namespaced,
});

export const resources = {
  namespaces: named('v1', 'namespaces', 'Namespace', false),
  nodes: named('v1', 'nodes', 'Node', false),
  pods: named('v1', 'pods', 'Pod'),
  secrets: named('v1', 'secrets', 'Secret'),
  configmaps: named('v1', 'configmaps', 'ConfigMap'),
  events: named('v1', 'events', 'Event'),
  serviceaccounts: named('v1', 'serviceaccounts', 'ServiceAccount'),
  resourcequotas: named('v1', 'resourcequotas', 'ResourceQuota'),
  limitranges: named('v1', 'limitranges', 'LimitRange'),
  jobs: named('batch/v1', 'jobs', 'Job'),
  networkpolicies: named('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy'),
  rolebindings: named('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding'),
  podmetrics: named('metrics.k8s.io/v1beta1', 'pods', 'PodMetrics'),
} as const;

export interface Route {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Reads `/api/v1/namespaces/a/pods/b/log` and its like. Undefined for what is not served. */
export function routeOf(path: string): Route | undefined {
  const words = path.split('/').filter(Boolean).map(decodeURIComponent);
  const isCore = words[0] === 'api';
  if (!isCore && words[0] !== 'apis') return undefined;
  const apiVersion = words.slice(1, isCore ? 2 : 3).join('/');
  const rest = words.slice(isCore ? 2 : 3);
  const find = (plural: string | undefined): Resource | undefined =>
    Object.values(resources).find((one) => one.apiVersion === apiVersion && one.plural === plural);

  const isInNamespace = rest[0] === 'namespaces' && rest.length > 2;
  const [plural, name, subresource] = isInNamespace ? rest.slice(2) : rest;
  const resource = find(plural);
  if (!resource) return undefined;
  return { resource, namespace: isInNamespace ? rest[1] : undefined, name, subresource };
}
