import { jobDeadlineMarginSeconds } from '../attempt.ts';
import {
  annotationNames,
  collectFinalizer,
  jobLabel,
  labelNames,
  namespacePrefix,
  tenantLabel,
} from '../names.ts';
import type { Job, Loose, Secret } from '../objects.ts';
import { hasOnly, isExactly, isSame, rulesFor, unless } from './rule.ts';

const daySeconds = 86_400;

/** Rules for the Job around the pod. Source for each field: Kubernetes, Jobs. */
export const jobRules = rulesFor('Job', {
  'job-runs-once': [
    'A Job runs one pod once; a next attempt is a Job of its own.',
    ({ spec }) =>
      unless({
        'spec.parallelism': spec?.parallelism === 1,
        'spec.completions': spec?.completions === 1,
        'spec.completionMode': spec?.completionMode === 'NonIndexed',
        'spec.backoffLimit': spec?.backoffLimit === 0,
      }),
  ],
  'job-ends-when-disrupted': [
    'A pod that its node loses ends the Job: what may have run is not run again.',
    ({ spec }) => {
      const [rule, ...others] = spec?.podFailurePolicy?.rules ?? [];
      const [pattern, ...patterns] = rule?.onPodConditions ?? [];
      return unless({
        'spec.podReplacementPolicy': spec?.podReplacementPolicy === 'Failed',
        'spec.podFailurePolicy.rules':
          hasOnly(spec?.podFailurePolicy, ['rules']) && others.length === 0,
        'spec.podFailurePolicy.rules[0]':
          rule?.action === 'FailJob' && hasOnly(rule, ['action', 'onPodConditions']),
        'spec.podFailurePolicy.rules[0].onPodConditions':
          patterns.length === 0 &&
          hasOnly(pattern, ['type', 'status']) &&
          pattern?.type === 'DisruptionTarget' &&
          pattern.status === 'True',
      });
    },
  ],
  'job-deadlines': [
    'The kubelet ends the pod first, the Job controller a minute later.',
    ({ spec }) => {
      const pod = spec?.template?.spec?.activeDeadlineSeconds ?? NaN;
      return unless({
        'spec.template.spec.activeDeadlineSeconds': pod > 0,
        'spec.activeDeadlineSeconds':
          spec?.activeDeadlineSeconds === pod + jobDeadlineMarginSeconds,
      });
    },
  ],
  'job-is-removed': [
    'A Job that Forge forgets goes by itself within a day.',
    ({ spec }) => {
      const seconds = spec?.ttlSecondsAfterFinished ?? NaN;
      return unless({ 'spec.ttlSecondsAfterFinished': seconds > 0 && seconds <= daySeconds });
    },
  ],
  'job-waits-for-collecting': [
    'A Job stays until Forge has read its end.',
    ({ metadata }) =>
      unless({ 'metadata.finalizers': isExactly(metadata?.finalizers, [collectFinalizer]) }),
  ],
  'job-queue': [
    'A Job waits for a queue if, and only if, the cluster has one.',
    ({ metadata, spec }, { queueName }) =>
      unless({
        'metadata.labels': (metadata?.labels?.[labelNames.queue] ?? null) === queueName,
        'spec.suspend': (spec?.suspend ?? false) === (queueName !== null),
      }),
  ],
  'job-identity': [
    'Name, namespace and labels of a Job say whose attempt it is, and all the same.',
    (job) => identityOf(job),
  ],
  'job-hash': [
    'A Job says by a hash what was asked for, so that a name that is taken can be judged.',
    ({ metadata }) => unless({ 'metadata.annotations': hasHash(metadata?.annotations) }),
  ],
  'pod-labels': [
    'The pod has the labels and annotations of its Job, by which it is watched and held.',
    ({ metadata, spec }) => {
      const pod = spec?.template?.metadata;
      const { [labelNames.queue]: _queue, ...labels } = metadata?.labels ?? {};
      const { [annotationNames.safeToEvict]: safe, ...annotations } = pod?.annotations ?? {};
      return unless({
        'spec.template.metadata.labels': isSame(pod?.labels, labels),
        'spec.template.metadata.annotations': isSame(annotations, metadata?.annotations),
        'spec.template.metadata.annotations.safe-to-evict': safe === 'false',
      });
    },
  ],
  'job-nothing-else': [
    'A Job has no field that is not known here.',
    ({ apiVersion, metadata, spec }) =>
      unless({
        apiVersion: apiVersion === 'batch/v1',
        metadata: hasOnly(metadata, ['name', 'namespace', 'labels', 'annotations', 'finalizers']),
        spec: hasOnly(spec, jobFields),
        'spec.template': hasOnly(spec?.template, ['metadata', 'spec']),
        'spec.template.metadata': hasOnly(spec?.template?.metadata, ['labels', 'annotations']),
      }),
  ],
});

const jobFields = [
  'parallelism',
  'completions',
  'completionMode',
  'backoffLimit',
  'podReplacementPolicy',
  'podFailurePolicy',
  'activeDeadlineSeconds',
  'ttlSecondsAfterFinished',
  'suspend',
  'template',
];

/** The fields of a Job or Secret of an attempt that do not say the same as the others. */
export function identityOf({ metadata }: Loose<Job> | Loose<Secret>): string[] {
  const { name, namespace, labels = {}, annotations = {} } = metadata ?? {};
  const job = labels[labelNames.job] ?? '?';
  const attempt = labels[labelNames.attempt] ?? '?';
  const tenant = labels[labelNames.tenant] ?? '?';
  return unless({
    'metadata.name': name === `fj-${job}-a${attempt}` && name.length <= 52,
    'metadata.namespace': namespace === `${namespacePrefix}${tenant}`,
    'metadata.labels.tenant': tenantLabel(annotations[annotationNames.tenantId] ?? '') === tenant,
    'metadata.labels.job': jobLabel(annotations[annotationNames.jobId] ?? '') === job,
    'metadata.labels.attempt': /^[1-9][0-9]*$/.test(attempt),
    'metadata.labels.role': labels[labelNames.role] === 'attempt',
    'metadata.labels.managed-by': labels[labelNames.managedBy] === 'forge',
    'metadata.labels.egress': ['none', 'proxy'].includes(labels[labelNames.egress] ?? '?'),
    'metadata.labels': hasOnly(labels, Object.values(labelNames)),
    'metadata.annotations': hasOnly(annotations, Object.values(annotationNames)),
  });
}

export function hasHash(annotations: Readonly<Record<string, string | undefined>> = {}): boolean {
  return /^[0-9a-f]{64}$/.test(annotations[annotationNames.specHash] ?? '');
}
