import type { Job, Pod } from './objects.ts';
import { timestamp } from './objects.ts';
import type { ObjectStore } from './object-store.ts';
import { resources } from './resources.ts';
import { StatusError } from './status.ts';
import { create, removeQuietly, tracking } from './writes.ts';

const roomAgainMs = 50;

/**
 * Gives a Job its pod: none while it is suspended, and one from when it is not,
 * as soon as the quota of its namespace holds another.
 */
export class PodStarter {
  readonly #store: ObjectStore;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #starting = new Set<string>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Told of a Job whenever it is another. */
  look(job: Job): void {
    const { uid, deletionTimestamp } = job.metadata;
    const { conditions, startTime } = (job as Partial<Job>).status ?? {};
    const isMarked = conditions?.some(
      ({ type, status }) => type === 'Suspended' && status === 'True',
    );
    if (job.spec.suspend === true) {
      if (isMarked !== true) this.#suspend(job);
      return;
    }
    if (deletionTimestamp !== undefined || startTime !== undefined || this.#starting.has(uid))
      return;
    this.#starting.add(uid);
    setImmediate(() => {
      if (isMarked === true) mark(this.#store, job, 'False');
      this.#startWhenThereIsRoom(job);
    });
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #suspend(job: Job): void {
    setImmediate(() => {
      mark(this.#store, job, 'True');
      for (const pod of this.#store.list(resources.pods, job.metadata.namespace) as Pod[]) {
        const isOfJob = pod.metadata.ownerReferences?.[0]?.uid === job.metadata.uid;
        if (isOfJob) removeQuietly(this.#store, pod);
      }
    });
  }

  /** That there is no room is said in an event alone, which nobody has to keep. */
  #startWhenThereIsRoom(job: Job): void {
    try {
      startPod(this.#store, job);
      this.#starting.delete(job.metadata.uid);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#startWhenThereIsRoom(job);
      }, roomAgainMs);
      this.#timers.add(timer.unref());
    }
  }
}

function mark(store: ObjectStore, { metadata }: Job, status: 'True' | 'False'): void {
  const { namespace = '', name, uid } = metadata;
  updateJob(store, { namespace, name, uid }, (job) => {
    const others = (job.status.conditions ?? []).filter(({ type }) => type !== 'Suspended');
    const reason = status === 'True' ? 'JobSuspended' : 'JobResumed';
    const suspended = { type: 'Suspended', status, reason, lastTransitionTime: timestamp() };
    job.status.conditions = [...others, suspended];
    if (status === 'True') Reflect.deleteProperty(job.status, 'startTime');
  });
}

function startPod(store: ObjectStore, { metadata, spec }: Job): void {
  const { namespace, name, uid } = metadata;
  if (namespace === undefined || store.find(resources.jobs, namespace, name) === undefined) return;
  const { template } = spec;
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true };
  const route = { resource: resources.pods, namespace, name: undefined, subresource: undefined };
  create(store, route, {
    metadata: {
      generateName: `${name}-`,
      labels: {
        ...template.metadata?.labels,
        'batch.kubernetes.io/job-name': name,
        'batch.kubernetes.io/controller-uid': uid,
      },
      annotations: template.metadata?.annotations ?? {},
      finalizers: [...(template.metadata?.finalizers ?? []), tracking],
      ownerReferences: [owner],
    },
    spec: template.spec,
  });
  updateJob(store, { namespace, name, uid }, (job) => {
    Object.assign(job.status, { active: 1, startTime: timestamp() });
  });
}

export function updateJob(
  store: ObjectStore,
  { namespace, name, uid }: { namespace: string; name: string; uid: string },
  change: (job: Job) => void,
): void {
  const found = store.find(resources.jobs, namespace, name);
  if (found?.metadata.uid !== uid) return;
  store.update(resources.jobs, found as Job, (job) => {
    job.status = { ...(job as Partial<Job>).status };
    change(job);
  });
}
