import type { Change, ObjectStore } from './object-store.ts';
import type { Condition, Job, Pod } from './objects.ts';
import { timestamp } from './objects.ts';
import { resources } from './resources.ts';
import { PodStarter, updateJob } from './pod-starter.ts';
import { removeQuietly, tracking } from './writes.ts';

/**
 * Gives each job its one pod, and the job its end when that has ended: complete,
 * or failed with a reason. A pod that is gone before its end is a failure.
 */
export function runJobController(store: ObjectStore): () => void {
  const timers = new Set<NodeJS.Timeout>();
  const starter = new PodStarter(store);
  const off = store.on(({ type, resource, object }: Change) => {
    if (resource === resources.jobs && type !== 'DELETED') {
      starter.look(object as Job);
    }
    if (resource === resources.jobs && type === 'ADDED') {
      const { activeDeadlineSeconds } = (object as Job).spec;
      if (activeDeadlineSeconds === undefined) return;
      const timer = setTimeout(() => {
        timers.delete(timer);
        endOverdue(store, object as Job);
      }, activeDeadlineSeconds * 1_000);
      timers.add(timer.unref());
    }
    if (resource === resources.pods && type !== 'ADDED') settle(store, object as Pod, type);
  });
  return () => {
    off();
    starter.stop();
    for (const timer of timers) clearTimeout(timer);
  };
}

function settle(store: ObjectStore, pod: Pod, type: Change['type']): void {
  const { namespace = '', ownerReferences: [owner] = [], finalizers = [] } = pod.metadata;
  if (owner?.kind !== 'Job') return;
  const { phase } = pod.status;
  const isOver = phase === 'Succeeded' || phase === 'Failed';
  if (!isOver && type !== 'DELETED') return;
  setImmediate(() => {
    updateJob(store, { namespace, name: owner.name, uid: owner.uid }, (job) => {
      // Its queue took it off: it has not ended.
      if (job.spec.suspend !== true) end(job, phase === 'Succeeded' ? complete : failure(pod));
    });
    if (!finalizers.includes(tracking) || type === 'DELETED') return;
    const found = store.find(resources.pods, namespace, pod.metadata.name);
    if (found?.metadata.uid !== pod.metadata.uid) return;
    store.update(resources.pods, found, (draft) => {
      draft.metadata.finalizers =
        draft.metadata.finalizers?.filter((one) => one !== tracking) ?? [];
    });
  });
}

const complete: Condition = { type: 'Complete', status: 'True', reason: 'CompletionsReached' };

function failure({ status }: Pod): Condition {
  const isDisrupted = status.conditions?.some(({ type }) => type === 'DisruptionTarget') ?? false;
  const reason = isDisrupted ? 'PodFailurePolicy' : 'BackoffLimitExceeded';
  return { type: 'Failed', status: 'True', reason, message: `Job has failed: ${reason}` };
}

/** A job ends once. */
function end(job: Job, condition: Condition): void {
  if (job.status.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed')) return;
  const at = timestamp();
  const isComplete = condition.type === 'Complete';
  const before = { ...condition, type: isComplete ? 'SuccessCriteriaMet' : 'FailureTarget' };
  job.status.conditions = [before, condition].map((one) => ({ ...one, lastTransitionTime: at }));
  job.status.active = 0;
  if (isComplete) Object.assign(job.status, { succeeded: 1, completionTime: at });
  else job.status.failed = 1;
}

function endOverdue(store: ObjectStore, { metadata }: Job): void {
  const { namespace = '', name, uid } = metadata;
  const reason = 'DeadlineExceeded';
  const message = 'Job was active longer than specified deadline';
  updateJob(store, { namespace, name, uid }, (job) => {
    end(job, { type: 'Failed', status: 'True', reason, message });
  });
  for (const pod of store.list(resources.pods, namespace)) {
    if (pod.metadata.ownerReferences?.[0]?.uid === uid) removeQuietly(store, pod);
  }
}
