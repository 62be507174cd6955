import { ForgeError } from '../../../shared/errors.ts';
import { sleep } from '../../../shared/time.ts';
import type { AttemptKey } from '../runner.ts';
import type { ClusterClient } from './client.ts';
import { isStatus } from './cluster-error.ts';
import { mainStateOf, ownerUidOf } from './cluster-objects.ts';
import type { JobObject, PodObject } from './cluster-objects.ts';
import type { ClusterView } from './cluster-view.ts';
import { collectFinalizer, jobLabel, labelNames } from './manifests/names.ts';
import { stopAnnotation } from './sight.ts';

/**
 * Asks the program of a Job to end. That it was asked is written on the Job
 * first: whoever sees the end knows why. Only this very pod is deleted.
 */
export async function stopAttempt(
  client: ClusterClient,
  view: ClusterView,
  job: JobObject,
  graceMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const seen = view.seenPod(job);
  if (!seen || seen.goneAt || mainStateOf(seen.pod).terminated) return;
  if (job.metadata.annotations?.[stopAnnotation] === undefined) {
    const annotations = { [stopAnnotation]: new Date().toISOString() };
    const { uid } = job.metadata;
    const body = { metadata: { uid, annotations } };
    await unlessGone(client.call({ verb: 'patch', path: jobPath(job), body, signal }));
  }
  await deletePod(client, seen.pod, graceMs, signal);
}

/** Zero would take the pod from the cluster while its program may still run on a node that is silent. */
const graceSecondsMin = 1;

async function deletePod(
  client: ClusterClient,
  { metadata }: PodObject,
  graceMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const gracePeriodSeconds = Math.max(graceSecondsMin, Math.ceil(graceMs / 1_000));
  const path = `/api/v1/namespaces/${metadata.namespace ?? ''}/pods/${metadata.name}`;
  const body = { gracePeriodSeconds, preconditions: { uid: metadata.uid } };
  await unlessGone(client.call({ verb: 'delete', path, body, signal }));
}

const removeMsMax = 30_000;

/**
 * Removes the Job of an attempt, its pods and its Secret, and comes back when
 * the cluster has none of them any more. Done again, it goes on.
 */
export async function removeAttempt(
  client: ClusterClient,
  view: ClusterView,
  key: AttemptKey,
  signal: AbortSignal | undefined,
): Promise<void> {
  const until = Date.now() + removeMsMax;
  for (;;) {
    const job = await view.find(key, signal);
    if (job) await removeJob(client, job, signal);
    // Found by what they say of themselves: their Job may be gone, and they still run.
    const pods = [...view.pods.all()].filter((pod) => isOf(pod, key));
    const uid = job?.metadata.uid ?? pods.map(ownerUidOf)[0];
    for (const pod of pods) await deletePod(client, pod, 0, signal);
    if (!job && pods.length === 0) return;
    if (Date.now() > until) {
      const message = 'The attempt is still being removed from the cluster.';
      throw new ForgeError('PROVIDER_UNAVAILABLE', message, { retryable: true });
    }
    await changed(view, uid, signal);
  }
}

function isOf({ metadata }: PodObject, { jobId, attempt }: AttemptKey): boolean {
  const { [labelNames.job]: job, [labelNames.attempt]: number } = metadata.labels ?? {};
  return job === jobLabel(jobId) && number === String(attempt);
}

async function removeJob(
  client: ClusterClient,
  job: JobObject,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { uid, finalizers = [], deletionTimestamp } = job.metadata;
  const path = jobPath(job);
  if (finalizers.includes(collectFinalizer)) {
    const kept = finalizers.filter((one) => one !== collectFinalizer);
    const body = { metadata: { uid, finalizers: kept.length > 0 ? kept : null } };
    await unlessGone(client.call({ verb: 'patch', path, body, signal }));
  }
  if (deletionTimestamp !== undefined) return;
  const body = { propagationPolicy: 'Background', preconditions: { uid } };
  await unlessGone(client.call({ verb: 'delete', path, body, signal }));
}

/** Waits until something of the Job changed, or for a moment. */
async function changed(
  view: ClusterView,
  uid: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const woken = new AbortController();
  const off = view.on((jobUid) => {
    if (jobUid === uid) woken.abort();
  });
  try {
    await sleep(200, woken.signal).catch(() => undefined);
    signal?.throwIfAborted();
  } finally {
    off();
  }
}

function jobPath({ metadata }: JobObject): string {
  return `/apis/batch/v1/namespaces/${metadata.namespace ?? ''}/jobs/${metadata.name}`;
}

/** What is gone, or is another one by now, needs nothing done to it. */
async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error;
  }
}
