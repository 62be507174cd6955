import { consumer } from '../../shared/outbox.ts';
import type { HoldDecided } from '../../shared/topics.ts';
import { holdDecided } from '../../shared/topics.ts';
import { jobReason } from '../domain/job-reason.ts';
import { placeHold, refuseHold } from '../store/attempts.ts';
import { findJob, lockJob } from '../store/jobs.ts';
import { moveJob } from '../store/move-job.ts';
import type { SandboxDeps } from './deps.ts';
import { sandboxActor } from './flow.ts';

/**
 * Takes billing's answer about credit: a job with credit gets in line, one
 * without ends. An answer about an attempt that no longer waits changes nothing.
 */
export const onHoldDecided = consumer<HoldDecided, SandboxDeps>(
  holdDecided,
  async ({ tx, payload, deps }) => {
    const { jobId, attempt, outcome } = payload;
    if (!(await findJob(tx, jobId))) return;
    const job = await lockJob(tx, jobId);
    if (outcome === 'placed') {
      await placeHold(tx, job, attempt);
      return;
    }
    const news = await refuseHold(tx, jobId, attempt);
    if (!news || job.state !== 'QUEUED' || job.attempt !== attempt) return;
    const poor = payload.reasonCode === 'INSUFFICIENT_CREDIT';
    const reason = poor
      ? jobReason('INSUFFICIENT_CREDIT')
      : jobReason('HOLD_REFUSED', payload.message);
    await moveJob(tx, jobId, { to: 'FAILED', reason, by: sandboxActor, at: deps.clock.now() });
  },
);
