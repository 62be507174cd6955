import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultQuota, fitsQuota, noLoad } from '../../../domain/quota.ts';
import type { Load, Room } from '../../../domain/quota.ts';
import type { AttemptOrder } from './attempt/order.ts';
import { full, objectsOf, plain, richOrder } from './fixtures/samples.ts';
import type { PodSpec } from './objects.ts';
import { quantity } from './rules/quantity.ts';
import { tenantViolations } from './rules.ts';
import { inOrder, tenantObjects } from './tenant.ts';
import { roomFor } from './tenant/resources.ts';

describe('what a tenant has on a cluster', () => {
  it('is named so that no two tenants share it, and breaks no rule, whatever the tenant is called', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const [first, second] = [tenantObjects(a, full), tenantObjects(b, full)];
        expect(tenantViolations(first, full)).toEqual([]);
        const isSame = first.namespace.metadata?.name === second.namespace.metadata?.name;
        return isSame === (a === b);
      }),
    );
  });

  it('comes to be in order: the denial before any pod can be, the right to run last', () => {
    const kinds = inOrder(tenantObjects('acme', full)).map(({ kind }) => kind);
    expect(kinds[0]).toBe('Namespace');
    expect(kinds[1]).toBe('NetworkPolicy');
    expect(kinds.at(-1)).toBe('RoleBinding');
  });

  it('has room for all that the default quota admits, and for what is still ending', () => {
    const needed = roomFor(defaultQuota, full);
    for (const name of ['jobs', 'cpuMillicores', 'memoryMib', 'ephemeralMib'] as const) {
      expect(full.tenantQuota[name]).toBeGreaterThanOrEqual(needed[name]);
    }
  });

  it('has room for pods, however its quota cuts them', () => {
    const pods = fc.record({
      cpuMillicores: fc.integer({ min: 100, max: 4_000 }),
      memoryMib: fc.integer({ min: 64, max: 4_096 }),
    });
    fc.assert(
      fc.property(fc.array(pods, { maxLength: 20 }), (asked) => {
        const taken = { jobs: 0, cpu: 0, memory: 0, disk: 0 };
        let load = noLoad;
        for (const room of asked) {
          if (!fitsQuota(defaultQuota, load, room)) continue;
          load = add(load, room);
          const { initContainers = [], containers } = podOf({ ...richOrder, ...room });
          for (const { resources } of [...initContainers, ...containers]) {
            taken.cpu += quantity(resources?.limits?.['cpu']) * 1_000;
            taken.memory += quantity(resources?.limits?.['memory']) / 1_024 ** 2;
            taken.disk += quantity(resources?.limits?.['ephemeral-storage']) / 1_024 ** 2;
          }
        }
        const { jobs, cpuMillicores, memoryMib, ephemeralMib } = roomFor(defaultQuota, full);
        return (
          load.jobs <= jobs &&
          taken.cpu <= cpuMillicores &&
          taken.memory <= memoryMib &&
          taken.disk <= ephemeralMib
        );
      }),
    );
  });

  it('lets nothing in or out where there is neither gate nor proxy', () => {
    expect(tenantObjects('acme', plain).networkPolicies.map(({ spec }) => spec)).toEqual([
      { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    ]);
  });

  it('opens the proxy to pods that are granted it alone, by its one address', () => {
    const { networkPolicies } = tenantObjects('acme', full);
    expect(networkPolicies.at(-1)?.spec).toEqual({
      podSelector: { matchLabels: { 'forge.dev/role': 'attempt', 'forge.dev/egress': 'proxy' } },
      policyTypes: ['Egress'],
      egress: [
        {
          to: [{ ipBlock: { cidr: '192.0.2.7/32' } }],
          ports: [{ protocol: 'TCP', port: 3_128 }],
        },
      ],
    });
  });

  it('opens the gate by its pods, not by the address of its Service', () => {
    const { networkPolicies } = tenantObjects('acme', full);
    expect(networkPolicies[1]?.spec?.egress?.[0]?.to).toEqual([
      {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'forge-system' } },
        podSelector: { matchLabels: { 'app.kubernetes.io/name': 'artifact-gate' } },
      },
    ]);
  });

  it('opens one address of the sixth version as well', () => {
    const egressProxy = { address: '2001:db8::7', port: 3_128, host: 'egress', pods: null };
    const settings = { ...full, egressProxy };
    const objects = tenantObjects('acme', settings);
    expect(objects.networkPolicies.at(-1)?.spec?.egress?.[0]?.to).toEqual([
      { ipBlock: { cidr: '2001:db8::7/128' } },
    ]);
    expect(tenantViolations(objects, settings)).toEqual([]);
  });
});

function add(load: Load, room: Room): Load {
  return {
    jobs: load.jobs + 1,
    cpuMillicores: load.cpuMillicores + room.cpuMillicores,
    memoryMib: load.memoryMib + room.memoryMib,
  };
}

function podOf(order: AttemptOrder): PodSpec {
  const pod = objectsOf(order, full).job.spec?.template.spec;
  if (!pod) throw new Error('The Job has no pod.');
  return pod;
}
