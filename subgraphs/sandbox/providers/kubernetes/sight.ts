import { constants } from 'node:os';
import type { AttemptSight, AttemptUsage, StartHeld, StartRefusal, Verdict } from '../runner.ts';
import { conditionOf, hasCollector, mainStateOf } from './cluster-objects.ts';
import type { JobObject, PodObject, TerminatedObject } from './cluster-objects.ts';
import { labelNames } from './manifests/names.ts';
import { resultIn } from './program-result.ts';

/** What is known of an attempt on the cluster. */
export interface Known {
  readonly job: JobObject;
  /** As it was last seen. */
  readonly pod: PodObject | undefined;
  /** Since when the pod is gone. */
  readonly podGoneAt: Date | undefined;
  readonly now: Date;
}

/** On the Job: the time at which it was asked to stop. */
export const stopAnnotation = 'forge.dev/stop-requested-at';

/** How long something may take that mends itself or never. */
const budgetMs = {
  image: 60_000,
  config: 30_000,
  node: 240_000,
  podFacts: 30_000,
  noPod: 10_000,
} as const;

/**
 * Tells where an attempt stands. The container's end is the program's: a pod of
 * ours runs once. Of its reasons the first in this order counts: the whole pod,
 * a disruption, the container, what it waits for, its node, the Job.
 */
export function sightOf(known: Known): AttemptSight {
  const sight = sightOfProgram(known);
  const { pod, podGoneAt } = known;
  const uploading = sight.kind === 'ended' && !podGoneAt && pod !== undefined && hasCollector(pod);
  return uploading ? { ...sight, uploading } : sight;
}

function sightOfProgram(known: Known): AttemptSight {
  const { job, pod, podGoneAt } = known;
  if (!pod) return withoutPod(known);
  const { running, terminated } = mainStateOf(pod);
  if (pod.status?.reason !== undefined && pod.status.phase === 'Failed') {
    return failedWhole(pod, pod.status.reason, known);
  }
  const disruption = conditionOf(pod, 'DisruptionTarget');
  if (disruption && pod.status?.phase === 'Failed') {
    return lostOr(known, disruption.message ?? disruption.reason ?? 'The pod was disrupted.');
  }
  if (terminated && job.spec?.suspend === true && isCutShort(terminated, job)) {
    return lostOr(known, 'The queue of the cluster took it off while it ran.');
  }
  if (terminated) return endOf(terminated, known);
  if (podGoneAt) return withoutWord(known);
  if (running) {
    const toEndAt = overdueSince(pod, known.now);
    if (toEndAt) {
      const message = 'The pod was to end, and its node has not said that it did.';
      return lostOr({ ...known, podGoneAt: toEndAt }, message);
    }
    const startedAt = new Date(running.startedAt);
    return { kind: 'running', startedAt, usage: usageUntil(startedAt, known.now) };
  }
  return waitingSight(job, pod, known);
}

/**
 * When a pod was to have ended that says nothing of it: its node is gone, and what
 * the Job holds it by keeps it on the cluster as if it ran.
 */
function overdueSince({ metadata }: PodObject, now: Date): Date | undefined {
  // With the grace that it was given.
  const { deletionTimestamp } = metadata;
  if (deletionTimestamp === undefined) return undefined;
  const toEndAt = new Date(deletionTimestamp);
  return now.getTime() - toEndAt.getTime() > budgetMs.podFacts ? toEndAt : undefined;
}

/** Whether somebody else ended a program that would have gone on. */
function isCutShort({ reason }: TerminatedObject, { metadata }: JobObject): boolean {
  return reason !== 'Completed' && metadata.annotations?.[stopAnnotation] === undefined;
}

function withoutPod({ job, now }: Known): AttemptSight {
  const failed = conditionOf(job, 'Failed');
  if (!failed) return { kind: 'starting', pulling: false, held: heldBy(job, now) };
  // Its pod may be told of a moment later than its end.
  const since = now.getTime() - Date.parse(failed.lastTransitionTime ?? '');
  if (since < budgetMs.podFacts) return { kind: 'starting', pulling: false };
  return refusal(`The Job failed without a pod: ${failed.reason ?? ''} ${failed.message ?? ''}`);
}

/**
 * What keeps a pod from being made: a queue that has not let its Job in, or,
 * after a while, that the quota of its namespace does not hold another pod. The
 * Job controller says the latter in an event alone, and tries again by itself.
 * Source: Kueue, Run a Kubernetes Job; Kubernetes, Suspending a Job.
 */
function heldBy({ metadata, spec }: JobObject, now: Date): StartHeld | undefined {
  if (spec?.suspend === true) {
    const queue = metadata.labels?.[labelNames.queue] ?? '';
    return { by: 'QUEUE', message: `The queue "${queue}" of the cluster has not let it in yet.` };
  }
  if (now.getTime() - Date.parse(metadata.creationTimestamp) < budgetMs.noPod) return undefined;
  const message = 'The cluster makes no pod for it: the quota of its namespace is in use.';
  return { by: 'ROOM', message };
}

/** The pod is gone, and what was last seen of it is no end. */
function withoutWord(known: Known): AttemptSight {
  const { job, podGoneAt, now, pod } = known;
  const started = pod && mainStateOf(pod).running?.startedAt;
  const waitedMs = now.getTime() - (podGoneAt?.getTime() ?? 0);
  const isSettled = conditionOf(job, 'Failed') ?? conditionOf(job, 'Complete');
  if (started === undefined && job.spec?.suspend === true) {
    return { kind: 'starting', pulling: false, held: heldBy(job, now) };
  }
  if (started === undefined) {
    if (job.metadata.annotations?.[stopAnnotation] === undefined && waitedMs < budgetMs.podFacts) {
      return { kind: 'starting', pulling: false };
    }
    return refusal('The pod was removed before the program ran.');
  }
  const startedAt = new Date(started);
  if (!isSettled && waitedMs < budgetMs.podFacts) {
    return { kind: 'running', startedAt, usage: usageUntil(startedAt, now) };
  }
  return lostOr(known, 'The pod is gone, without a word of how it ended.');
}

function failedWhole(pod: PodObject, reason: string, known: Known): AttemptSight {
  const message = `${reason}: ${pod.status?.message ?? ''}`;
  if (reason === 'DeadlineExceeded') return endedBy({ timedOut: true }, known) ?? refusal(message);
  if (
    reason === 'Evicted' &&
    /emptydir|ephemeral/i.test(message) &&
    !/node was low/i.test(message)
  ) {
    return endedBy({ diskLimit: true }, known) ?? refusal(message);
  }
  const { terminated } = mainStateOf(pod);
  // What ended well before its pod was failed, ended well.
  if (terminated?.reason === 'Completed' || resultIn(terminated?.message)) {
    return endOf(terminated ?? { exitCode: 0 }, known);
  }
  return lostOr(known, message);
}

/** An end that the kubelet brought about: whatever ran, it was killed. Undefined if nothing ran. */
function endedBy(why: Partial<Verdict>, { pod, now }: Known): AttemptSight | undefined {
  const { terminated, running } = pod ? mainStateOf(pod) : {};
  const started = terminated?.startedAt ?? running?.startedAt;
  if (started === undefined) return undefined;
  const [startedAt, finishedAt] = [new Date(started), new Date(terminated?.finishedAt ?? now)];
  const verdict = { ...noVerdict, signal: 'SIGKILL', ...why };
  return {
    kind: 'ended',
    verdict,
    startedAt,
    finishedAt,
    usage: usageUntil(startedAt, finishedAt),
  };
}

function lostOr({ job, pod, podGoneAt, now }: Known, message: string): AttemptSight {
  const { terminated, running } = pod ? mainStateOf(pod) : {};
  const started = terminated?.startedAt ?? running?.startedAt;
  if (started === undefined) return refusal(message);
  const startedAt = new Date(started);
  const lastSeenAt = new Date(terminated?.finishedAt ?? podGoneAt ?? now);
  const usage = usageUntil(startedAt, lastSeenAt);
  if (job.metadata.annotations?.[stopAnnotation] !== undefined) {
    const verdict = { ...noVerdict, signal: 'SIGKILL', stopped: true };
    return { kind: 'ended', verdict, startedAt, finishedAt: lastSeenAt, usage };
  }
  return { kind: 'lost', startedAt, lastSeenAt, usage, message };
}

const noVerdict: Verdict = {
  exitCode: null,
  signal: null,
  timedOut: false,
  oomKilled: false,
  outputLimit: false,
  diskLimit: false,
  stopped: false,
};

function endOf(terminated: TerminatedObject, { job, now }: Known): AttemptSight {
  const { reason = '', exitCode } = terminated;
  if (['StartError', 'ContainerCannotRun', 'ContainerStatusUnknown'].includes(reason)) {
    return refusal(`${reason}: ${terminated.message ?? ''}`);
  }
  const isStopped = job.metadata.annotations?.[stopAnnotation] !== undefined;
  const result = resultIn(terminated.message);
  const oomKilled = reason === 'OOMKilled' || (result?.oomKilled ?? false);
  if (result) {
    const { timedOut, outputLimit, cpuMs, memoryPeakBytes } = result;
    const [startedAt, finishedAt] = [new Date(result.startedAt), new Date(result.finishedAt)];
    const wallMs = Math.max(0, result.finishedAt - result.startedAt);
    const signal = result.signal === null ? null : signalName(result.signal);
    const stopped = result.stopped || (isStopped && !timedOut);
    const end = { exitCode: result.exitCode, signal, timedOut, outputLimit, oomKilled, stopped };
    const usage = { at: finishedAt, wallMs, cpuMs, memoryBytes: 0, memoryPeakBytes };
    return { kind: 'ended', verdict: { ...noVerdict, ...end }, startedAt, finishedAt, usage };
  }
  const startedAt = new Date(terminated.startedAt ?? now);
  const finishedAt = new Date(terminated.finishedAt ?? now);
  const number = terminated.signal ?? (exitCode > 128 && exitCode < 160 ? exitCode - 128 : 0);
  const how = number > 0 ? { signal: signalName(number) } : { exitCode };
  const verdict = { ...noVerdict, ...how, oomKilled, stopped: isStopped };
  return {
    kind: 'ended',
    verdict,
    startedAt,
    finishedAt,
    usage: usageUntil(startedAt, finishedAt),
  };
}

function waitingSight(job: JobObject, pod: PodObject, { now }: Known): AttemptSight {
  const ageMs = now.getTime() - Date.parse(pod.metadata.creationTimestamp);
  const { reason = '', message = '' } = mainStateOf(pod).waiting ?? {};
  const why = `${reason}: ${message}`;
  if (reason === 'InvalidImageName' || reason === 'ErrImageNeverPull') return refusal(why);
  if (reason === 'ErrImagePull' || reason === 'ImagePullBackOff') {
    return ageMs > budgetMs.image ? refusal(why) : { kind: 'starting', pulling: true };
  }
  if (/^(CreateContainer|RunContainer).*Error$/.test(reason) && ageMs > budgetMs.config) {
    return refusal(why);
  }
  const unscheduled = pod.status?.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  if (unscheduled && ageMs > budgetMs.node) {
    return refusal(`${unscheduled.reason ?? 'Unschedulable'}: ${unscheduled.message ?? ''}`);
  }
  const failed = conditionOf(job, 'Failed');
  if (failed) return refusal(`${failed.reason ?? 'Failed'}: ${failed.message ?? ''}`);
  return { kind: 'starting', pulling: conditionOf(pod, 'PodScheduled') !== undefined };
}

function refusal(message: string): StartRefusal {
  return { kind: 'refused', reason: 'START_FAILED', message };
}

function usageUntil(startedAt: Date, at: Date): AttemptUsage {
  const wallMs = Math.max(0, at.getTime() - startedAt.getTime());
  return { at, wallMs, cpuMs: 0, memoryBytes: 0, memoryPeakBytes: 0 };
}

function signalName(number: number): string {
  const [name] = Object.entries(constants.signals).find(([, n]) => n === number) ?? [];
  return name ?? `SIG${number}`;
}
