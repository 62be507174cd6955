import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../../../../infra/simulators/kubernetes/objects.ts';
import { resources } from '../../../../../infra/simulators/kubernetes/resources.ts';
import { kubernetesRooms } from '../../kubernetes-rooms.ts';
import { quick, startCluster } from '../fixtures/cluster.ts';
import type { Cluster } from '../fixtures/cluster.ts';
import { rights } from '../fixtures/rights.ts';
import { mutationsOf } from '../manifests/fixtures/mutations.ts';
import { full } from '../manifests/fixtures/samples.ts';
import { tenantNamespace } from '../manifests/names.ts';
import { tenantViolations } from '../manifests/rules.ts';
import { inOrder, tenantObjects } from '../manifests/tenant.ts';
import type { TenantObjects } from '../manifests/tenant.ts';

let cluster: Cluster;
let rooms: ReturnType<typeof kubernetesRooms>;
const settings = { ...full, tenancy: { kubeconfig: null, context: 'tenancy' } };

beforeEach(async () => {
  cluster = await startCluster({ authorize: rights(() => cluster.simulator.store) });
  rooms = kubernetesRooms({ kubeconfig: cluster.kubeconfig, settings, client: quick });
});
afterEach(async () => {
  await rooms.close();
  await cluster[Symbol.asyncDispose]();
});

const inside = [
  resources.networkpolicies,
  resources.resourcequotas,
  resources.limitranges,
  resources.serviceaccounts,
  resources.rolebindings,
] as const;

const namespace = tenantNamespace('acme');
const store = () => cluster.simulator.store;
const changes = () =>
  cluster.simulator.calls.map(({ call }) => call).filter((call) => /create|patch|del/.test(call));

/** What the tenant has on the cluster, without what the cluster writes itself. */
function found(): TenantObjects {
  const plain = ({ metadata, status: _status, ...rest }: KubeObject & { status?: unknown }) => {
    const { uid: _uid, resourceVersion: _version, creationTimestamp: _at, ...ours } = metadata;
    return { ...rest, metadata: ours };
  };
  const of = (resource: (typeof inside)[number]) => store().list(resource, namespace).map(plain);
  const [quota, range, account, binding] = inside.slice(1).map((resource) => of(resource)[0]);
  return {
    namespace: plain(store().get(resources.namespaces, undefined, namespace)),
    networkPolicies: of(resources.networkpolicies),
    resourceQuota: quota,
    limitRange: range,
    serviceAccount: account,
    roleBinding: binding,
  } as never;
}

describe('the room of a tenant', () => {
  it('is made by the account for it, whole, the denial of all before anything can run', async () => {
    const answer = await rooms.keep('acme');
    expect(answer).toEqual({
      kind: 'ready',
      mended: expect.arrayContaining([`Namespace ${namespace}`]),
    });
    expect(tenantViolations(found(), settings)).toEqual([]);
    const made = changes();
    expect(made[0]).toBe('create namespaces');
    expect(made[1]).toBe('create networkpolicies');
    expect(made.at(-1)).toBe('create rolebindings');
  });

  it('is left as it is when nothing is amiss', async () => {
    await rooms.keep('acme');
    const made = changes().length;
    expect(await rooms.keep('acme')).toEqual({ kind: 'ready', mended: [] });
    expect(changes()).toHaveLength(made);
  });

  it('is made once by two who make it at once', async () => {
    const both = await Promise.all([rooms.keep('acme'), rooms.keep('acme')]);
    expect(both).toMatchObject([{ kind: 'ready' }, { kind: 'ready' }]);
    expect(tenantViolations(found(), settings)).toEqual([]);
  });

  it('is gone on with after a crash at any point while it is made', async () => {
    const whole = inOrder(tenantObjects('acme', settings)).length;
    for (let done = 1; done < whole; done += 1) {
      const tenant = `tenant-${done}`;
      cluster.simulator.faults.add(
        ...Array.from(
          { length: done },
          () => ({ verb: 'create', fault: { kind: 'delay', ms: 0 } }) as const,
        ),
        { verb: 'create', fault: { kind: 'reset', afterBytes: 0 } },
      );
      await expect(rooms.keep(tenant)).rejects.toMatchObject({ retryable: true });
      cluster.simulator.faults.clear();
      expect(await rooms.keep(tenant)).toMatchObject({ kind: 'ready' });
    }
  });

  it('is mended, whatever somebody changed of it', async () => {
    await rooms.keep('acme');
    const kinds = [resources.namespaces, ...inside];
    let mended = 0;
    for (const resource of kinds) {
      for (const object of store().list(resource).filter(isOurs)) {
        const { metadata, ...body } = object;
        const { labels, annotations } = metadata;
        for (const { path, what, mutated } of mutationsOf({
          ...body,
          metadata: { labels, annotations },
        })) {
          if (/^[.](kind|apiVersion|status)|^[.]metadata$/.test(path)) continue;
          // Whose it is, is what makes it this tenant's; and what a role binds, nobody can change.
          if (/^[.](metadata[.]annotations|roleRef)/.test(path)) continue;
          // Others may mark what is ours.
          if (/^[.]metadata[.]\w+$/.test(path) && what === 'with a stranger') continue;
          change(object, mutated as Partial<KubeObject>);
          expect(await rooms.keep('acme')).toMatchObject({ kind: 'ready' });
          expect({ path, broken: tenantViolations(found(), settings) }).toEqual({
            path,
            broken: [],
          });
          mended += 1;
        }
      }
    }
    expect(mended).toBeGreaterThan(150);
  });

  it('is refused, and says so, while it binds another role: nobody can change that', async () => {
    await rooms.keep('acme');
    const [binding] = store().list(resources.rolebindings, namespace);
    if (!binding) throw new Error('no binding');
    const { metadata: _metadata, ...body } = binding as KubeObject & { roleRef: object };
    change(binding, { ...body, roleRef: { ...body.roleRef, name: 'cluster-admin' } } as never);
    expect(await rooms.keep('acme')).toEqual({
      kind: 'refused',
      message: expect.stringContaining('roleRef') as unknown,
    });
  });

  it('is nobody’s while a policy that is not ours opens what ours shut', async () => {
    await rooms.keep('acme');
    const open = { metadata: { name: 'open' }, spec: { podSelector: {}, egress: [{}] } };
    store().create(resources.networkpolicies, open as never, namespace);
    expect(await rooms.keep('acme')).toEqual({
      kind: 'refused',
      message: expect.stringContaining('NetworkPolicy open') as unknown,
    });
  });

  it('is not made of a namespace that is somebody else’s, which stays as it is', async () => {
    const foreign = store().create(resources.namespaces, {
      metadata: { name: namespace } as never,
    });
    expect(await rooms.keep('acme')).toMatchObject({ kind: 'refused' });
    expect(await rooms.remove('acme')).toBe('gone');
    expect(store().get(resources.namespaces, undefined, namespace)).toEqual(foreign);
  });

  it('goes with all that is in it, and is gone when it is asked about again', async () => {
    await rooms.keep('acme');
    await rooms.keep('globex');
    while ((await rooms.remove('acme')) === 'going');
    expect(store().find(resources.namespaces, undefined, namespace)).toBeUndefined();
    expect(inside.flatMap((resource) => store().list(resource, namespace))).toEqual([]);
    expect(store().find(resources.namespaces, undefined, tenantNamespace('globex'))).toBeDefined();
  });

  it('is another one as soon as the settings are others', async () => {
    const other = { ...settings, tenantQuota: { ...settings.tenantQuota, jobs: 7 } };
    const next = kubernetesRooms({
      kubeconfig: cluster.kubeconfig,
      settings: other,
      client: quick,
    });
    expect(next.profile).not.toBe(rooms.profile);
    await rooms.keep('acme');
    expect(await next.keep('acme')).toEqual({
      kind: 'ready',
      mended: ['ResourceQuota forge-tenant'],
    });
    await next.close();
  });
});

it('the account that runs programs may not make, change or remove what holds them', async () => {
  await rooms.keep('acme');
  const asController = kubernetesRooms({
    kubeconfig: cluster.kubeconfig,
    settings: full,
    client: quick,
  });
  expect(await asController.keep('globex')).toMatchObject({ kind: 'refused' });
  await expect(asController.remove('acme')).rejects.toMatchObject({ retryable: true });
  expect(store().find(resources.namespaces, undefined, namespace)).toBeDefined();
  await asController.close();
});

function isOurs({ metadata }: KubeObject): boolean {
  return metadata.namespace === namespace || metadata.name === namespace;
}

function change({ kind, metadata }: KubeObject, mutated: Partial<KubeObject>): void {
  const resource = Object.values(resources).find((one) => one.kind === kind);
  if (!resource) throw new Error(kind);
  const now = store().get(resource, metadata.namespace, metadata.name);
  store().update(resource, now, (draft) => {
    for (const name of Object.keys(draft)) {
      if (!['metadata', 'apiVersion', 'kind'].includes(name)) Reflect.deleteProperty(draft, name);
    }
    const { labels: _labels, annotations: _annotations, ...kept } = draft.metadata;
    const given = Object.entries(mutated.metadata ?? {}).filter(([, value]) => value !== undefined);
    Object.assign(draft, mutated, { metadata: { ...kept, ...Object.fromEntries(given) } });
  });
}
