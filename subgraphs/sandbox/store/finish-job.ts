import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import { conclude } from '../domain/conclusion.ts';
import type { JobReason } from '../domain/job-reason.ts';
import { lastKnownEnd } from '../domain/usage.ts';
import type { Verdict } from '../domain/verdict.ts';
import { broken } from '../domain/verdict.ts';
import { findAttempt } from './attempts.ts';
import { moveJob } from './move-job.ts';
import type { AttemptRef } from './program.ts';
import { endProgram, lockLive, verdictOf } from './program.ts';
import { reasonOf } from './tell-state.ts';

/**
 * Ends a job whose program has ended, or is being stopped: as its verdict says,
 * or CANCELLED. A job that is over stays as it is.
 */
export async function finishJob(tx: Tx, ref: AttemptRef, by: Actor, at: Date): Promise<void> {
  const job = await lockLive(tx, ref);
  if (job?.state === 'CANCELLING') {
    await moveJob(tx, ref.jobId, { to: 'CANCELLED', reason: reasonOf(job), by, at });
  }
  if (job?.state !== 'COLLECTING') return;
  const attempt = await findAttempt(tx, ref.jobId, ref.attempt);
  const { state, reason } = conclude((attempt && verdictOf(attempt)) ?? broken, {
    collected: attempt?.collectedAt != null,
    filesRefused: attempt?.filesRefused ?? 0,
    settled: attempt?.settledAt != null,
  });
  await moveJob(tx, ref.jobId, { to: state, reason, by, at });
}

/** Ends a job of which nothing ran. A job that is over, or that is being stopped, stays as it is. */
export async function failUnstarted(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  reason: JobReason,
  by: Actor,
  at: Date,
): Promise<void> {
  await moveJob(tx, jobId, { to: 'FAILED', reason, by, at, attempt });
}

/**
 * Ends a program of which nothing more can be seen, at its last sign of life,
 * and has what it used until then charged. Nothing happens to one that ended
 * already or never started.
 */
export async function endUnseen(
  tx: Tx,
  ref: AttemptRef,
  verdict: Verdict,
  by: Actor,
  at: Date,
): Promise<void> {
  const job = await lockLive(tx, ref);
  const attempt = await findAttempt(tx, ref.jobId, ref.attempt);
  if (!job || !attempt?.startedAt || attempt.finishedAt) return;
  const { startedAt, seenAt, cpuMs, memoryPeakBytes } = attempt;
  const finishedAt = lastKnownEnd(startedAt, seenAt, job.timeoutSeconds);
  const over = { verdict, exitCode: null, signal: null, startedAt, finishedAt };
  await endProgram(tx, ref, { ...over, cpuMs, memoryPeakBytes }, by, at);
}
