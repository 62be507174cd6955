import { ForgeError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import type { JobEnd } from '../domain/job-end.ts';
import { isJobOver } from '../domain/job-end.ts';
import type { Employee, ForgeGraph, JobOrder } from './provider.ts';

export interface ScriptedJob {
  readonly id: string;
  readonly employee: Employee;
  readonly order: JobOrder;
  end: JobEnd | undefined;
  cancelledFor: string | undefined;
}

/** A graph in memory for tests: it keeps what it was told and fails when it is told to. */
export interface ScriptedForgeGraph extends ForgeGraph {
  readonly jobs: ScriptedJob[];
  /** Each call by its name, the failed ones too. */
  readonly calls: string[];
  finish(jobId: string, end: JobEnd): void;
  /** The next calls of this name find nobody; `after` lets their effect happen all the same. */
  breakNext(
    name: 'submitJob' | 'jobEnd' | 'cancelJob',
    times: number,
    when: 'before' | 'after',
  ): void;
  /** Called in the middle of each submission. */
  onSubmit: (order: JobOrder) => Promise<void>;
}

/** Knows the templates node, python and shell, as the sandbox does. */
export function scriptedForgeGraph(): ScriptedForgeGraph {
  const jobs: ScriptedJob[] = [];
  const calls: string[] = [];
  const faults: { name: string; when: 'before' | 'after' }[] = [];

  const call = async <T>(name: string, effect: () => Promise<T>): Promise<T> => {
    calls.push(name);
    const at = faults.findIndex((fault) => fault.name === name);
    const [fault] = at === -1 ? [] : faults.splice(at, 1);
    if (fault?.when === 'before') throw noAnswer();
    const answer = await effect();
    if (fault) throw noAnswer();
    return answer;
  };
  const mine = (employee: Employee, id: string) =>
    jobs.find((job) => job.id === id && job.employee.tenant === employee.tenant);

  const graph: ScriptedForgeGraph = {
    jobs,
    calls,
    onSubmit: () => Promise.resolve(),
    finish(jobId, end) {
      for (const job of jobs) if (job.id === jobId) job.end = end;
    },
    breakNext(name, times, when) {
      for (let n = 0; n < times; n += 1) faults.push({ name, when });
    },
    submitJob: (employee, order) =>
      call('submitJob', async () => {
        await graph.onSubmit(order);
        if (!['node', 'python', 'shell'].includes(order.template)) {
          const message = `There is no template "${order.template}".`;
          return { kind: 'refused', code: 'UNKNOWN_TEMPLATE', message } as const;
        }
        const known = jobs.find(
          (job) =>
            job.employee.tenant === employee.tenant &&
            job.order.idempotencyKey === order.idempotencyKey,
        );
        if (known) return { kind: 'submitted', jobId: known.id } as const;
        const id = newId('job');
        jobs.push({ id, employee, order, end: undefined, cancelledFor: undefined });
        return { kind: 'submitted', jobId: id } as const;
      }),
    jobEnd: (employee, jobId) => call('jobEnd', async () => mine(employee, jobId)?.end),
    cancelJob: (employee, { jobId, reason }) =>
      call('cancelJob', async () => {
        const job = mine(employee, jobId);
        if (!job || (job.end && isJobOver(job.end.state))) {
          const code = job ? 'JOB_ALREADY_FINISHED' : 'NOT_FOUND';
          return { kind: 'refused', code, message: 'There is nothing to cancel.' } as const;
        }
        job.cancelledFor = reason;
        job.end = { state: 'CANCELLED', reasonCode: 'CANCELLED', exitCode: null };
        return { kind: 'cancelled' } as const;
      }),
  };
  return graph;
}

function noAnswer(): ForgeError {
  return new ForgeError('PROVIDER_UNAVAILABLE', 'The line went dead.', { retryable: true });
}
