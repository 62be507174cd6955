import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import type { JobReason } from '../domain/job-reason.ts';
import { mayWaitUntil, postponedForMs } from '../domain/postpone.ts';
import { appendJobFacts } from './facts.ts';
import { lockJob } from './jobs.ts';
import type { Moved } from './move-job.ts';
import { moveJob } from './move-job.ts';
import type { AttemptRef } from './program.ts';
import { lockLive } from './program.ts';
import { JobRow } from './rows.ts';

/**
 * Puts an attempt of which nothing ran back in line, with its credit, once per
 * turn. A job that is being stopped, that is over, or that has had another turn
 * since stays as it is.
 */
export async function postponeJob(
  tx: Tx,
  { jobId, attempt, turn }: AttemptRef & { readonly turn: number },
  reason: JobReason,
  by: Actor,
  at: Date,
): Promise<Moved> {
  const job = await lockJob(tx, jobId);
  if (job.postponed !== turn) return 'over';
  const notBefore = new Date(at.getTime() + postponedForMs(turn));
  const wish = { to: 'QUEUED', reason, by, at, attempt, notBefore } as const;
  return (await moveJob(tx, jobId, wish)).outcome;
}

/** How much longer than its own deadline a start that others hold back is waited for, at a time. */
const heldMs = 60_000;

/**
 * Gives a start that others hold back more time, within what a job may wait at
 * all, and says why. False once that is used up.
 */
export async function holdStart(
  tx: Tx,
  ref: AttemptRef,
  reason: JobReason,
  at: Date,
): Promise<boolean> {
  const job = await lockLive(tx, ref);
  if (job?.state !== 'CREATING') return true;
  const until = mayWaitUntil(job.createdAt);
  if (at >= until) return false;
  const deadlineAt = new Date(Math.min(until.getTime(), at.getTime() + heldMs));
  const isNew = job.reasonCode !== reason.code || job.reasonMessage !== reason.message;
  await tx.update(
    JobRow,
    { id: job.id },
    { deadlineAt, reasonCode: reason.code, reasonMessage: reason.message },
  );
  if (!isNew) return true;
  const fact = {
    type: 'job.state-changed',
    attempt: ref.attempt,
    state: job.state,
    reason,
  } as const;
  await appendJobFacts(tx, job.id, [fact]);
  return true;
}
