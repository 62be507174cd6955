import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api } from './api.ts';
import type { ApiRequest } from './api.ts';
import { Cluster, eventually, kubeconfigs, settings } from './fixtures/cluster.ts';

let cluster: Cluster;
let tenant: string;
let controller: Api;
let tenancy: Api;
beforeAll(async () => {
  cluster = await Cluster.open();
  tenant = await cluster.tenant('acme');
  controller = await Api.at(kubeconfigs.controller);
  tenancy = await Api.at(kubeconfigs.tenancy);
});
afterAll(async () => {
  await controller.close();
  await tenancy.close();
  await cluster[Symbol.asyncDispose]();
});

/** `verb group/resource` as it is said in a role; the group of the core is left out. */
type Right = string;

async function may(account: Api, right: Right, namespace: string | undefined): Promise<boolean> {
  const [verb = '', what = ''] = right.split(' ');
  const [first = '', second] = what.split(':');
  const [group, path] = second === undefined ? ['', first] : [first, second];
  const [resource = '', subresource] = path.split('/');
  const { status } = await account.granted<{ status: { allowed: boolean } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource, subresource, namespace } },
    },
  });
  return status.allowed;
}

const reads = ['get', 'list', 'watch'];
const writes = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const every = (verbs: readonly string[], ...what: readonly string[]): Right[] =>
  what.flatMap((one) => verbs.map((verb) => `${verb} ${one}`));

/** What neither account may do anywhere, whatever else it may. */
const never: Right[] = [
  ...every(reads, 'secrets', 'nodes', 'configmaps', 'events', 'persistentvolumes'),
  ...every(['create', 'get'], 'pods/exec', 'pods/attach', 'pods/portforward', 'pods/proxy'),
  ...every(['update', 'patch'], 'pods/ephemeralcontainers', 'secrets', 'nodes', 'pods'),
  ...every(['create'], 'pods', 'serviceaccounts/token', 'nodes/proxy', 'pods/eviction'),
  ...every(writes, 'rbac.authorization.k8s.io:clusterroles'),
  ...every(writes, 'rbac.authorization.k8s.io:clusterrolebindings', 'apps:deployments'),
  ...every(writes, 'admissionregistration.k8s.io:validatingadmissionpolicies', 'configmaps'),
  ...every(['impersonate'], 'users', 'groups', 'serviceaccounts'),
  ...every(['*'], '*', '*:*'),
];

describe('the account of the controller', () => {
  it.each([
    ...every(reads, 'batch:jobs', 'pods'),
    ...every(['create', 'delete', 'patch'], 'batch:jobs'),
    ...every(['delete'], 'pods', 'secrets'),
    ...every(['get'], 'pods/log'),
    ...every(['create'], 'secrets'),
    ...every(['get', 'list'], 'metrics.k8s.io:pods'),
  ])('may %s in a namespace of a tenant', async (right) => {
    expect(await may(controller, right, tenant)).toBe(true);
  });

  it.each(every(reads, 'batch:jobs', 'pods'))('may %s in all namespaces at once', async (right) => {
    expect(await may(controller, right, undefined)).toBe(true);
  });

  it.each([
    ...never,
    ...every(writes, 'namespaces', 'resourcequotas', 'limitranges', 'serviceaccounts'),
    ...every(writes, 'networking.k8s.io:networkpolicies', 'rbac.authorization.k8s.io:rolebindings'),
    ...every(['update', 'deletecollection'], 'batch:jobs', 'secrets', 'pods'),
  ])('may not %s, not even in a namespace of a tenant', async (right) => {
    expect(await may(controller, right, tenant)).toBe(false);
  });

  it.each(['default', 'kube-system', settings.controllerNamespace])(
    'changes nothing in the namespace %s, and reads no log there',
    async (namespace) => {
      const rights = [...every(writes, 'batch:jobs', 'pods', 'secrets'), 'get pods/log'];
      const granted = await Promise.all(rights.map((one) => may(controller, one, namespace)));
      expect(rights.filter((_, n) => granted[n])).toEqual([]);
    },
  );

  it('is turned away when it reads the Secret that it made itself', async () => {
    const path = `/api/v1/namespaces/${tenant}/secrets`;
    const metadata = { name: 'own', namespace: tenant };
    const body = { apiVersion: 'v1', kind: 'Secret', metadata, data: { source: 'ZWNobw==' } };
    expect(await controller.ask({ method: 'POST', path, body })).toMatchObject({ status: 201 });
    expect(await controller.ask({ path: `${path}/own` })).toMatchObject({ status: 403 });
    expect(await controller.ask({ path })).toMatchObject({ status: 403 });
    expect(await controller.ask({ method: 'DELETE', path: `${path}/own` })).toMatchObject({
      status: 200,
    });
  });
});

describe('the account for tenants', () => {
  const namespaced = [
    'resourcequotas',
    'limitranges',
    'serviceaccounts',
    'networking.k8s.io:networkpolicies',
    'rbac.authorization.k8s.io:rolebindings',
  ];
  it.each([
    ...every(['create', 'get', 'list', 'patch', 'delete'], 'namespaces'),
    ...every(['create', 'get', 'list', 'patch'], ...namespaced),
  ])('may %s', async (right) => {
    expect(await may(tenancy, right, tenant)).toBe(true);
  });

  it.each([
    ...never,
    ...every([...reads, ...writes], 'batch:jobs', 'pods', 'secrets'),
    ...every(['get'], 'pods/log'),
    ...every(['update', 'delete', 'deletecollection'], ...namespaced),
  ])('may not %s, not even in a namespace that it made', async (right) => {
    expect(await may(tenancy, right, tenant)).toBe(false);
  });

  const restricted = {
    'forge.dev/role': 'tenant',
    'pod-security.kubernetes.io/enforce': 'restricted',
  };
  const namespace = (name: string, labels: object = restricted): ApiRequest => ({
    method: 'POST',
    path: '/api/v1/namespaces',
    query: { dryRun: 'All' },
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
  });
  const held = async (request: ApiRequest, message: string): Promise<void> => {
    // A policy holds from a moment after it was made.
    await eventually(async () => (await tenancy.ask(request)).status === 422, 20_000);
    expect((await tenancy.ask(request)).message).toContain(message);
  };
  const binding = (role: string, where: string): ApiRequest => ({
    method: 'POST',
    path: `/apis/rbac.authorization.k8s.io/v1/namespaces/${where}/rolebindings`,
    query: { dryRun: 'All' },
    body: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'another', namespace: where },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: where }],
    },
  });
  const outside = 'The account for tenants changes nothing outside of forge-t-*.';

  it('makes a namespace of a tenant', async () => {
    expect(await tenancy.ask(namespace('forge-t-another'))).toMatchObject({ status: 201 });
  });

  it('makes no other namespace, and takes none away', async () => {
    await held(namespace('another'), outside);
    const path = `/api/v1/namespaces/${settings.controllerNamespace}`;
    await held({ method: 'DELETE', path, query: { dryRun: 'All' } }, outside);
  });

  it('makes no namespace that is not restricted, and does not loosen one', async () => {
    const says = 'A namespace of a tenant is restricted, and stays so.';
    const labels = { ...restricted, 'pod-security.kubernetes.io/enforce': 'baseline' };
    await held(namespace('forge-t-another', labels), says);
    await held(namespace('forge-t-another', {}), says);
    const patch = {
      ...{ method: 'PATCH' as const, path: `/api/v1/namespaces/${tenant}` },
      query: { dryRun: 'All' },
    };
    await held({ ...patch, body: { metadata: { labels } } }, says);
    const unlabelled = { 'forge.dev/role': null };
    await held({ ...patch, body: { metadata: { labels: unlabelled } } }, says);
  });

  it('changes nothing in a namespace that is no tenant’s', async () => {
    const path = '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies';
    const metadata = { name: 'open', namespace: 'default' };
    const body = {
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata },
      spec: { podSelector: {}, ingress: [{}], policyTypes: ['Ingress'] },
    };
    await held({ method: 'POST', path, query: { dryRun: 'All' }, body }, outside);
    await held(binding('forge-sandbox-run', 'kube-system'), outside);
  });

  it('gives away the one role, and no other', async () => {
    expect(await tenancy.ask(binding('forge-sandbox-run', tenant))).toMatchObject({ status: 201 });
    for (const role of ['cluster-admin', 'admin', 'edit', 'view', 'system:node']) {
      const answer = await tenancy.ask(binding(role, tenant));
      expect([role, answer.status]).toEqual([role, 403]);
    }
  });
});
