/** What a job takes while it has its turn. */
export interface Room {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
}

/** What jobs take together. */
export interface Load extends Room {
  readonly jobs: number;
}

/** What a tenant may have at once. */
export interface Quota {
  /** Jobs that have their turn. */
  readonly concurrentMax: number;
  /** Jobs that wait for it. */
  readonly queuedMax: number;
  readonly cpuMillicoresMax: number;
  readonly memoryMibMax: number;
  /** A tenant of weight 2 gets twice the turns of one of weight 1, when both wait. */
  readonly weight: number;
}

/** What a tenant has with whom nothing else was agreed. */
export const defaultQuota: Quota = {
  concurrentMax: 10,
  queuedMax: 1_000,
  cpuMillicoresMax: 16_000,
  memoryMibMax: 16_384,
  weight: 1,
};

export const noLoad: Load = { jobs: 0, cpuMillicores: 0, memoryMib: 0 };

/** Whether a job may run beside what its tenant runs already. */
export function fitsQuota(quota: Quota, load: Load, job: Room): boolean {
  return (
    load.jobs < quota.concurrentMax &&
    load.cpuMillicores + job.cpuMillicores <= quota.cpuMillicoresMax &&
    load.memoryMib + job.memoryMib <= quota.memoryMibMax
  );
}

/** Whether a job has room beside others. One that is larger than everything runs alone. */
export function fits(load: Load, job: Room, capacity: Load): boolean {
  if (load.jobs === 0) return true;
  return (
    load.jobs < capacity.jobs &&
    load.cpuMillicores + job.cpuMillicores <= capacity.cpuMillicores &&
    load.memoryMib + job.memoryMib <= capacity.memoryMib
  );
}

export type QueueDecision =
  { readonly kind: 'accepted' } | { readonly kind: 'rejected'; readonly message: string };

/** Decides whether another job may wait. One that its tenant's quota can never run may not. */
export function decideQueue(quota: Quota, queued: number, job: Room): QueueDecision {
  if (!fitsQuota({ ...quota, concurrentMax: 1 }, noLoad, job)) {
    const most = `${String(quota.cpuMillicoresMax)} cpuMillicores and ${String(quota.memoryMibMax)} memoryMib`;
    return {
      kind: 'rejected',
      message: `Your quota is ${most} for all jobs at once: ask for less.`,
    };
  }
  if (queued >= quota.queuedMax) {
    const full = `${String(queued)} of your jobs wait already, and ${String(quota.queuedMax)} may.`;
    return { kind: 'rejected', message: `${full} Try again when some have run.` };
  }
  return { kind: 'accepted' };
}
