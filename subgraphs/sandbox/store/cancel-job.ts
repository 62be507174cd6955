import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import { jobReason } from '../domain/job-reason.ts';
import type { CancelDecision } from '../domain/job-state.ts';
import { decideCancel } from '../domain/job-state.ts';
import { lockJob } from './jobs.ts';
import { moveJob } from './move-job.ts';

/**
 * Cancels a job from wherever it stands. One that waits ends at once; for one
 * that runs, CANCELLING tells its run to stop it. Throws NOT_FOUND for a missing
 * and for a foreign job.
 */
export async function cancelJob(
  tx: Tx,
  jobId: string,
  why: string,
  by: Actor,
  at: Date,
): Promise<CancelDecision['kind']> {
  const { state } = await lockJob(tx, jobId);
  const { kind } = decideCancel(state);
  if (kind === 'already' || kind === 'over') return kind;
  const to = kind === 'end' ? 'CANCELLED' : 'CANCELLING';
  await moveJob(tx, jobId, { to, reason: jobReason('CANCELLED_BY_USER', why), by, at });
  return kind;
}
