import type { Job, Secret } from './objects.ts';
import { specHash } from './attempt/order.ts';
import type { AttemptOrder } from './attempt/order.ts';
import { attemptPod } from './attempt/pod.ts';
import { attemptSecret } from './attempt/secret.ts';
import {
  annotationNames,
  attemptName,
  collectFinalizer,
  jobLabel,
  labelNames,
  tenantLabel,
  tenantNamespace,
} from './names.ts';
import type { SandboxClusterSettings } from './settings.ts';

export interface AttemptObjects {
  readonly kind: 'objects';
  readonly namespace: string;
  /** Made first: its uid makes it the owner of the Secret, and its pod waits for that. */
  readonly job: Job;
  /** Made with `ownedBy(secret, uid of the job)`, so that it goes with the Job. */
  readonly secret: Secret;
}

/**
 * Says what an attempt is on a cluster: one Job that runs one pod once.
 *
 * The same order gives the same objects, whoever asks and whenever: a name that
 * is taken by an object with the same hash is the attempt itself. An attempt
 * whose template has no image here, or that may ask a proxy where there is
 * none, is none of this cluster's.
 */
export function attemptObjects(
  order: AttemptOrder,
  settings: SandboxClusterSettings,
): AttemptObjects | { readonly kind: 'refused'; readonly message: string } {
  const template = settings.templates[order.template];
  if (!template) return refused(`There is no image for the template "${order.template}".`);
  if (order.egress === 'proxy' && settings.egressProxy === null) {
    return refused('There is no egress proxy on this cluster.');
  }
  const namespace = tenantNamespace(order.tenantId);
  const labels = labelsOf(order);
  const annotations = annotationsOf(order);
  return {
    kind: 'objects',
    namespace,
    job: attemptJob(order, template, { namespace, labels, annotations }, settings),
    secret: attemptSecret(order, { namespace, labels, annotations }),
  };
}

function refused(message: string): { readonly kind: 'refused'; readonly message: string } {
  return { kind: 'refused', message };
}

/** Between the kubelet's deadline and the Job's, so that the pod is the one to say why it ended. */
export const jobDeadlineMarginSeconds = 60;

function attemptJob(
  order: AttemptOrder,
  template: { readonly image: string; readonly interpreter: string },
  metadata: Required<Pick<NonNullable<Job['metadata']>, 'namespace' | 'labels' | 'annotations'>>,
  settings: SandboxClusterSettings,
): Job {
  const { startTimeoutSeconds, graceSeconds, ttlSecondsAfterFinished, queueName } = settings;
  const podDeadline = startTimeoutSeconds + order.timeoutSeconds + graceSeconds;
  const { labels, annotations } = metadata;
  const queue = queueName === null ? {} : { [labelNames.queue]: queueName };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: attemptName(order.key),
      ...metadata,
      labels: { ...labels, ...queue },
      finalizers: [collectFinalizer],
    },
    spec: {
      parallelism: 1,
      completions: 1,
      completionMode: 'NonIndexed',
      // A next attempt is Forge's: with a name, output and a price of its own.
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        ],
      },
      activeDeadlineSeconds: podDeadline + jobDeadlineMarginSeconds,
      ttlSecondsAfterFinished,
      ...(queueName === null ? {} : { suspend: true }),
      template: {
        metadata: {
          labels,
          annotations: { ...annotations, [annotationNames.safeToEvict]: 'false' },
        },
        spec: attemptPod(order, template, podDeadline, settings),
      },
    },
  };
}

function labelsOf({ key, tenantId, egress }: AttemptOrder): Record<string, string> {
  return {
    [labelNames.managedBy]: 'forge',
    [labelNames.role]: 'attempt',
    [labelNames.tenant]: tenantLabel(tenantId),
    [labelNames.job]: jobLabel(key.jobId),
    [labelNames.attempt]: String(key.attempt),
    [labelNames.egress]: egress ?? 'none',
  };
}

function annotationsOf(order: AttemptOrder): Record<string, string> {
  return {
    [annotationNames.specHash]: specHash(order),
    [annotationNames.tenantId]: order.tenantId,
    [annotationNames.jobId]: order.key.jobId,
  };
}
