import { createHash } from 'node:crypto';
import type { SecurityProfile } from '../../domain/security.ts';
import { mainContainerName } from './cluster-objects.ts';
import type { JobObject, PodObject } from './cluster-objects.ts';
import { labelNames } from './manifests/names.ts';
import type { Container, Loose, PodSpec } from './manifests/objects.ts';
import type { SandboxClusterSettings } from './manifests/settings.ts';
import { tenantObjects } from './manifests/tenant.ts';

/** What is asked of a cluster, as a hash: what was seen under another one says nothing about this. */
export function profileOf(settings: SandboxClusterSettings): string {
  const { isolation, wrapper, disk, pool, podSecurityVersion, registries } = settings;
  const asked = { isolation, wrapper, disk, pool, podSecurityVersion, registries };
  const room = tenantObjects('', settings);
  return createHash('sha256')
    .update(JSON.stringify([asked, room]))
    .digest('hex');
}

/**
 * Reads what holds an attempt from its pod, or from its Job while there is none,
 * as the API server gave it back: what something on the way took out is not
 * claimed. The policies are those that its namespace is kept under.
 */
export function securityOf(
  job: JobObject,
  pod: PodObject | undefined,
  settings: SandboxClusterSettings,
): SecurityProfile {
  const spec: Loose<PodSpec> = pod?.spec ?? job.spec?.template?.spec ?? {};
  const { initContainers = [], containers = [], runtimeClassName: runtimeClass = null } = spec;
  const all = [...initContainers, ...containers];
  const main = containers.find(({ name }) => name === mainContainerName);
  const every = (holds: (context: NonNullable<Loose<Container>['securityContext']>) => boolean) =>
    all.length > 0 && all.every(({ securityContext }) => securityContext && holds(securityContext));
  const seccomp =
    main?.securityContext?.seccompProfile?.type ?? spec.securityContext?.seccompProfile?.type;
  return {
    isolation: isolationOf(spec, settings),
    runtimeClass,
    seccomp: seccomp === 'Unconfined' ? null : (seccomp ?? null),
    userNamespace: spec.hostUsers === false,
    readOnlyRoot: every(({ readOnlyRootFilesystem }) => readOnlyRootFilesystem === true),
    privileged: !every(
      ({ privileged, allowPrivilegeEscalation, capabilities }) =>
        privileged === false &&
        allowPrivilegeEscalation === false &&
        capabilities?.drop?.includes('ALL') === true &&
        (capabilities.add ?? []).length === 0,
    ),
    clusterToken: mayHaveToken(spec),
    egress: job.metadata.labels?.[labelNames.egress] === 'proxy' ? 'PROXY' : 'NONE',
    processesMax: processesOf(main),
    policies: policiesOf(settings),
    profile: profileOf(settings),
  };
}

function isolationOf(
  { runtimeClassName, hostUsers }: Loose<PodSpec>,
  { isolation: { tier, runtimeClass } }: SandboxClusterSettings,
): SecurityProfile['isolation'] {
  if (tier !== 'USERNS' && runtimeClass !== null && runtimeClassName === runtimeClass) return tier;
  return hostUsers === false ? 'USERNS' : 'NONE';
}

/** By itself, or by a volume that somebody added. */
function mayHaveToken({ automountServiceAccountToken, volumes = [] }: Loose<PodSpec>): boolean {
  const projects = volumes.some(({ projected }) =>
    projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken !== undefined),
  );
  return automountServiceAccountToken !== false || projects;
}

function processesOf(main: Loose<Container> | undefined): number | null {
  const flag = main?.command?.find((word) => word.startsWith('--processes='));
  return flag === undefined ? null : Number(flag.split('=')[1]);
}

function policiesOf(settings: SandboxClusterSettings): string[] {
  const { networkPolicies, resourceQuota, limitRange } = tenantObjects('', settings);
  const kept = [...networkPolicies, resourceQuota, limitRange];
  return [
    `PodSecurity/restricted:${settings.podSecurityVersion}`,
    ...kept.map(({ kind, metadata }) => `${kind ?? ''}/${metadata?.name ?? ''}`),
  ];
}
