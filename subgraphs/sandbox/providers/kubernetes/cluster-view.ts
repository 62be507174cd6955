import type { AttemptKey } from '../runner.ts';
import type { ClusterClient } from './client.ts';
import { mainStateOf, ownerUidOf } from './cluster-objects.ts';
import type { JobObject, PodObject } from './cluster-objects.ts';
import { ListWatch } from './list-watch.ts';
import type { ListWatchOptions } from './list-watch.ts';
import { annotationNames, attemptSelector, jobLabel, labelNames } from './manifests/names.ts';
import { sightOf } from './sight.ts';
import type { Known } from './sight.ts';

export interface SeenPod {
  readonly pod: PodObject;
  readonly goneAt: Date | undefined;
}

export const jobsPath = '/apis/batch/v1/jobs';
export const podsPath = '/api/v1/pods';

/**
 * Everything that is on the cluster of attempts, of all tenants: two watches.
 *
 * What was last seen of a pod is kept until its Job goes, since a pod may go
 * first and takes with it how it ended.
 */
export class ClusterView {
  readonly jobs: ListWatch<JobObject>;
  readonly pods: ListWatch<PodObject>;
  readonly #client: ClusterClient;
  readonly #byKey = new Map<string, JobObject>();
  readonly #jobUids = new Set<string>();
  readonly #seen = new Map<string, SeenPod>();
  readonly #listeners = new Set<(jobUid: string) => void>();

  constructor(client: ClusterClient, options: Pick<ListWatchOptions, 'onTrouble'>) {
    this.#client = client;
    const both = { labelSelector: attemptSelector, ...options };
    this.jobs = new ListWatch<JobObject>(client, { path: jobsPath, ...both });
    this.pods = new ListWatch<PodObject>(client, { path: podsPath, ...both });
    this.jobs.on(({ kind, object }) => {
      const { uid } = object.metadata;
      const name = textOf(keyOf(object) ?? none);
      if (kind !== 'deleted') {
        this.#byKey.set(name, object);
        this.#jobUids.add(uid);
      } else {
        this.#jobUids.delete(uid);
        this.#seen.delete(uid);
        if (this.#byKey.get(name)?.metadata.uid === uid) this.#byKey.delete(name);
      }
      this.#tell(uid);
    });
    this.pods.on(({ kind, object }) => {
      const uid = ownerUidOf(object);
      if (uid === undefined) return;
      // Without its Job nobody asks for it.
      if (kind === 'deleted' && !this.#jobUids.has(uid)) {
        this.#seen.delete(uid);
        this.#tell(uid);
        return;
      }
      this.#seen.set(uid, { pod: object, goneAt: kind === 'deleted' ? new Date() : undefined });
      this.#tell(uid);
    });
  }

  async ready(signal?: AbortSignal): Promise<void> {
    await this.jobs.ready(signal);
    await this.pods.ready(signal);
  }

  /** The Job of an attempt. That there is none is asked of the cluster itself. */
  async find(key: AttemptKey, signal?: AbortSignal): Promise<JobObject | undefined> {
    await this.ready(signal);
    const known = this.#byKey.get(textOf(key));
    if (known) return known;
    const labels = `${labelNames.job}=${jobLabel(key.jobId)},${labelNames.attempt}=${key.attempt}`;
    const query = { labelSelector: `${attemptSelector},${labels}` };
    const call = { verb: 'get', path: jobsPath, query, signal } as const;
    const { items } = await this.#client.call<{ items: readonly JobObject[] }>(call);
    const found = items.find((job) => textOf(keyOf(job) ?? none) === textOf(key));
    if (found) this.jobs.learn(found);
    return found;
  }

  seenPod({ metadata }: JobObject): SeenPod | undefined {
    return this.#seen.get(metadata.uid);
  }

  known(job: JobObject, now: Date): Known {
    const seen = this.seenPod(job);
    return { job, pod: seen?.pod, podGoneAt: seen?.goneAt, now };
  }

  sight(job: JobObject, now: Date): ReturnType<typeof sightOf> {
    return sightOf(this.known(job, now));
  }

  /** Whether any program runs now. */
  hasRunning(): boolean {
    return [...this.pods.all()].some((pod) => mainStateOf(pod).running !== undefined);
  }

  /** Told of the uid of a Job of which something changed. */
  on(listener: (jobUid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await Promise.all([this.jobs.close(), this.pods.close()]);
  }

  #tell(jobUid: string): void {
    for (const listener of [...this.#listeners]) listener(jobUid);
  }
}

const none: AttemptKey = { jobId: '', attempt: 0 };

/** Whose attempt a Job is. Undefined for one that says nothing of it. */
export function keyOf({ metadata }: JobObject): AttemptKey | undefined {
  const jobId = metadata.annotations?.[annotationNames.jobId];
  const attempt = Number(metadata.labels?.[labelNames.attempt]);
  return jobId === undefined || !Number.isInteger(attempt) ? undefined : { jobId, attempt };
}

export function textOf({ jobId, attempt }: AttemptKey): string {
  return `${jobId}/${attempt}`;
}
