import type { Quota } from '../../../../domain/quota.ts';
import { labelNames } from '../names.ts';
import type { LimitRange, ResourceQuota } from '../objects.ts';
import { outputMib } from '../settings.ts';
import type { SandboxClusterSettings } from '../settings.ts';

interface Size {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  readonly ephemeralMib: number;
}

const labels = { [labelNames.managedBy]: 'forge' };

/** In the root of every namespace a cluster publishes the certificate of its API server. */
const clusterConfigMaps = 1;

/**
 * How many times what a quota admits is there at once, at most: attempts that
 * have ended have given up their turn, and hold their room until their pod is gone.
 */
const endingTimes = 1.5;

/** Jobs stay until they are collected, and their Secrets with them. */
const endedTimes = 5;

/** What a tenant's namespace must hold, so that nothing which its quota admits is turned away. */
export function roomFor(
  quota: Quota,
  { collector, disk }: Pick<SandboxClusterSettings, 'collector' | 'disk'>,
): SandboxClusterSettings['tenantQuota'] {
  const { concurrentMax, cpuMillicoresMax, memoryMibMax } = quota;
  const folders = disk.workMib + disk.tmpMib + disk.artifactsMib + outputMib;
  const times = (size: number): number => Math.ceil(size * endingTimes);
  return {
    jobs: concurrentMax * endedTimes,
    cpuMillicores: times(cpuMillicoresMax + concurrentMax * (collector?.cpuMillicores ?? 0)),
    memoryMib: times(memoryMibMax + concurrentMax * (collector?.memoryMib ?? 0)),
    ephemeralMib: times(concurrentMax * (folders + (collector?.ephemeralMib ?? 0))),
  };
}

/**
 * What all attempts of a tenant may take together, and that there is nothing
 * else. Objects of attempts that are over still count until they are removed.
 * Source: Kubernetes, Resource Quotas.
 */
export function tenantResources(
  namespace: string,
  { tenantQuota }: SandboxClusterSettings,
): ResourceQuota {
  const size = quantities(tenantQuota);
  const prefixed = ['requests', 'limits'].flatMap((kind) =>
    Object.entries(size).map(([name, quantity]) => [`${kind}.${name}`, quantity]),
  );
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'forge-tenant', namespace, labels },
    spec: {
      hard: {
        ...(Object.fromEntries(prefixed) as Record<string, string>),
        'count/jobs.batch': String(tenantQuota.jobs),
        pods: String(tenantQuota.jobs),
        'count/secrets': String(tenantQuota.jobs),
        'count/configmaps': String(clusterConfigMaps),
        persistentvolumeclaims: '0',
        services: '0',
        'services.loadbalancers': '0',
        'services.nodeports': '0',
      },
    },
  };
}

/**
 * Limits for each container and pod, also for one that says nothing. What is
 * requested is what may be used. Source: Kubernetes, Limit Ranges.
 */
export function containerLimits(namespace: string, { podMax }: SandboxClusterSettings): LimitRange {
  const max = quantities(podMax);
  const standard = quantities({ cpuMillicores: 100, memoryMib: 128, ephemeralMib: 64 });
  const least = quantities({ cpuMillicores: 10, memoryMib: 16, ephemeralMib: 1 });
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'forge-tenant', namespace, labels },
    spec: {
      limits: [
        {
          type: 'Container',
          default: standard,
          defaultRequest: standard,
          min: least,
          max,
          maxLimitRequestRatio: { cpu: '1', memory: '1', 'ephemeral-storage': '1' },
        },
        { type: 'Pod', max },
      ],
    },
  };
}

function quantities({ cpuMillicores, memoryMib, ephemeralMib }: Size): Record<string, string> {
  return {
    cpu: `${cpuMillicores}m`,
    memory: `${memoryMib}Mi`,
    'ephemeral-storage': `${ephemeralMib}Mi`,
  };
}
