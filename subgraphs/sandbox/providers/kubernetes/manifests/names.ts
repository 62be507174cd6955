import { createHash } from 'node:crypto';
import { isId } from '../../../../shared/ids.ts';
import type { AttemptKey } from '../../runner.ts';

/** Labels and annotations by which Forge finds its own objects again. No spec can set them. */
export const labelNames = {
  managedBy: 'app.kubernetes.io/managed-by',
  role: 'forge.dev/role',
  tenant: 'forge.dev/tenant',
  job: 'forge.dev/job',
  attempt: 'forge.dev/attempt',
  egress: 'forge.dev/egress',
  region: 'forge.dev/region',
  queue: 'kueue.x-k8s.io/queue-name',
} as const;

export const annotationNames = {
  specHash: 'forge.dev/spec-sha256',
  tenantId: 'forge.dev/tenant-id',
  jobId: 'forge.dev/job-id',
  safeToEvict: 'cluster-autoscaler.kubernetes.io/safe-to-evict',
} as const;

/** Selects every attempt of every tenant: one list-watch for Jobs and one for pods. */
export const attemptSelector = `${labelNames.managedBy}=forge,${labelNames.role}=attempt`;

/** Keeps a Job until Forge has read what it needs of it. It does not keep the pod. */
export const collectFinalizer = 'forge.dev/collect';

export const sandboxServiceAccount = 'forge-sandbox';

/** The ClusterRole that the controller has in a tenant's namespace, and nowhere else. */
export const runRole = 'forge-sandbox-run';

export const controllerAccount = 'forge-sandbox-controller';
export const tenancyAccount = 'forge-sandbox-tenancy';

/** What every namespace of a tenant is called. */
export const namespacePrefix = 'forge-t-';

/**
 * The name of an attempt's Job and Secret: the same each time it is asked for,
 * another for any other attempt. At most 52 characters, so that the pod's name
 * begins with it whole.
 */
export function attemptName({ jobId, attempt }: AttemptKey): string {
  return `fj-${jobLabel(jobId)}-a${attempt}`;
}

/** A job's id as the value of a label. What is no id of ours, as tests have them, becomes a hash. */
export function jobLabel(jobId: string): string {
  return isId('job', jobId) ? jobId.slice('job_'.length) : `x${shortHash(jobId, 30)}`;
}

/** A tenant as the value of a label. Its id may hold what a label may not. */
export function tenantLabel(tenantId: string): string {
  return shortHash(tenantId, 24);
}

export function tenantNamespace(tenantId: string): string {
  return `${namespacePrefix}${tenantLabel(tenantId)}`;
}

function shortHash(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
