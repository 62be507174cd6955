import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import { ForgeError } from '../../shared/errors.ts';
import { deadlineOf } from '../domain/job-deadline.ts';
import type { JobReason } from '../domain/job-reason.ts';
import { belongsTo } from '../domain/job-reason.ts';
import type { JobState, MoveDecision } from '../domain/job-state.ts';
import { decideMove, isEnd, takesRoom } from '../domain/job-state.ts';
import { findAttempt, openAttempt, returnHold } from './attempts.ts';
import { jobTopic, lineTopic } from './facts.ts';
import { lockJob } from './jobs.ts';
import { JobRow } from './rows.ts';
import { tellState } from './tell-state.ts';

/** Where somebody wants a job to go. */
export interface Wish {
  readonly to: JobState;
  /** Why. Left out, the job has no reason there. */
  readonly reason?: JobReason | null;
  readonly by: Actor;
  readonly at: Date;
  /** The attempt that wishes. One that is not the current one comes too late. */
  readonly attempt?: number;
  /** When its program started, if that is what is told. */
  readonly startedAt?: Date;
  /** Back in line as the same attempt, with its credit, but not before this moment. */
  readonly notBefore?: Date;
}

export type Moved = Exclude<MoveDecision['kind'], 'move' | 'forbidden'> | 'moved';

/**
 * Brings a job to another state if `decideMove` allows it from where it stands,
 * and holds its row until the transaction ends.
 *
 * This is the only place that changes a state. State, reason, deadline, event,
 * audit entry and messages commit together. Of wishes that meet, the first that
 * commits wins and the others are told. Throws NOT_FOUND for a missing and for a
 * foreign job.
 */
export async function moveJob(
  tx: Tx,
  jobId: string,
  wish: Wish,
): Promise<{ readonly job: JobRow; readonly outcome: Moved }> {
  const job = await lockJob(tx, jobId);
  if (wish.attempt !== undefined && wish.attempt !== job.attempt) return { job, outcome: 'over' };
  const { kind } = decideMove(job.state, wish.to);
  if (kind === 'forbidden') throw impossible(job, `to ${wish.to}`);
  if (kind !== 'move') return { job, outcome: kind };
  await write(tx, job, wish);
  return { job, outcome: 'moved' };
}

async function write(tx: Tx, job: JobRow, wish: Wish): Promise<void> {
  const { to, by, at, reason = null } = wish;
  if (reason && !belongsTo(reason.code, to)) throw impossible(job, `to ${to} as ${reason.code}`);
  const from = job.state;
  const over = isEnd(to);
  const isNext = to === 'QUEUED' && wish.notBefore === undefined;
  if (over || isNext) await closeAttempt(tx, job);
  const changes = {
    state: to,
    ready: to === 'QUEUED' && !isNext,
    notBefore: wish.notBefore ?? null,
    postponed: wish.notBefore ? job.postponed + 1 : isNext ? 0 : job.postponed,
    reasonCode: reason?.code ?? null,
    reasonMessage: reason?.message ?? null,
    attempt: isNext ? job.attempt + 1 : job.attempt,
    startedAt: job.startedAt ?? wish.startedAt ?? null,
    finishedAt: over ? at : null,
    deadlineAt: over ? null : deadlineOf(to, wish.notBefore ? job.createdAt : at, job),
  };
  await tx.update(JobRow, { id: job.id }, changes);
  Object.assign(job, changes);
  await tellState(tx, job, by, at);
  if (isNext) await openAttempt(tx, job, at);
  tx.wakeAfterCommit(jobTopic(job.id));
  if (takesRoom(from) && !takesRoom(to)) tx.wakeAfterCommit(lineTopic);
}

/** Nothing of the attempt runs any more: its credit goes back, unless its usage was told. */
async function closeAttempt(tx: Tx, job: JobRow): Promise<void> {
  const attempt = await findAttempt(tx, job.id, job.attempt);
  if (attempt?.startedAt && !attempt.finishedAt) throw impossible(job, 'before its usage is told');
  await returnHold(tx, job.id, job.attempt);
}

function impossible({ id, state }: JobRow, what: string): ForgeError {
  return new ForgeError('INTERNAL', `Job ${id} cannot go from ${state} ${what}.`);
}
