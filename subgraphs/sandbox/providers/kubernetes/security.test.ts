import { describe, expect, it } from '@jest/globals';
import type { JobObject } from './cluster-objects.ts';
import { full, objectsOf, order, plain, richOrder, userns } from './manifests/fixtures/samples.ts';
import type { SandboxClusterSettings } from './manifests/settings.ts';
import { profileOf, securityOf } from './security.ts';

type Job = ReturnType<typeof objectsOf>['job'];

const seen = (settings: SandboxClusterSettings, change: (job: Job) => void = () => undefined) => {
  const { job } = objectsOf(settings === full ? richOrder : order, settings);
  change(job);
  return securityOf(job as unknown as JobObject, undefined, settings);
};
const pod = (job: Job) => {
  const spec = job.spec?.template.spec;
  if (!spec) throw new Error('no pod');
  return spec;
};

describe('what holds an attempt', () => {
  it('is told as it is there', () => {
    expect(seen(full)).toEqual({
      isolation: 'GVISOR',
      runtimeClass: 'gvisor',
      seccomp: 'RuntimeDefault',
      userNamespace: true,
      readOnlyRoot: true,
      privileged: false,
      clusterToken: false,
      egress: 'PROXY',
      processesMax: 256,
      policies: expect.arrayContaining(['NetworkPolicy/forge-deny-all']) as unknown,
      profile: profileOf(full),
    });
    expect(seen(userns)).toMatchObject({ isolation: 'USERNS', runtimeClass: null, egress: 'NONE' });
    expect(seen(plain)).toMatchObject({ processesMax: null, userNamespace: false });
  });

  it.each<[string, (job: Job) => void, object]>([
    ['the runtime', (job) => delete pod(job).runtimeClassName, { isolation: 'NONE' }],
    ['another runtime', (job) => (pod(job).runtimeClassName = 'runc'), { isolation: 'NONE' }],
    [
      'the filter',
      (job) => {
        for (const one of pod(job).containers) delete one.securityContext?.seccompProfile;
        delete pod(job).securityContext?.seccompProfile;
      },
      { seccomp: null },
    ],
    [
      'the read-only root',
      (job) => {
        for (const one of pod(job).containers) delete one.securityContext?.readOnlyRootFilesystem;
      },
      { readOnlyRoot: false },
    ],
    [
      'the drop of capabilities',
      (job) => {
        for (const one of pod(job).containers) delete one.securityContext?.capabilities;
      },
      { privileged: true },
    ],
    [
      'the refusal of a token',
      (job) => delete pod(job).automountServiceAccountToken,
      { clusterToken: true },
    ],
    [
      'nothing, but adds a token',
      (job) =>
        pod(job).volumes?.push({
          name: 'x',
          projected: { sources: [{ serviceAccountToken: { path: 't' } }] },
        }),
      { clusterToken: true },
    ],
    [
      'nothing, but adds a container of its own',
      (job) => pod(job).containers.push({ name: 'stranger' }),
      { readOnlyRoot: false, privileged: true },
    ],
  ])('is not claimed when something on the way took out %s', (_what, change, told) => {
    expect(seen(plain, change)).toMatchObject(told);
  });

  it('has another profile as soon as what is asked of the cluster is another', () => {
    const others = [
      { ...plain, wrapper: '/w' },
      { ...plain, isolation: { ...plain.isolation, appArmor: false } },
      { ...plain, tenantQuota: { ...plain.tenantQuota, jobs: 7 } },
      userns,
    ];
    expect(new Set([plain, ...others].map(profileOf)).size).toBe(5);
    expect(profileOf(structuredClone(plain))).toBe(profileOf(plain));
  });
});
