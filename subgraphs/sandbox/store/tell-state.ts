import { audit } from '../../shared/audit.ts';
import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import { endStream } from '../../shared/events.ts';
import { publish } from '../../shared/outbox.ts';
import { sandboxJobFinished } from '../../shared/topics.ts';
import type { JobReason } from '../domain/job-reason.ts';
import { jobReason } from '../domain/job-reason.ts';
import type { EndState, JobState } from '../domain/job-state.ts';
import { isEnd } from '../domain/job-state.ts';
import { appendJobFacts, jobStream } from './facts.ts';
import type { JobRow } from './rows.ts';

/**
 * Tells everybody where a job stands now, in the transaction that brought it
 * there: its log, the audit log, and, at its end, those who waited for it. The
 * end is the last fact of its log.
 */
export async function tellState(tx: Tx, job: JobRow, by: Actor, at: Date): Promise<void> {
  const { id, attempt, state } = job;
  const reason = reasonOf(job);
  const facts = [{ type: 'job.state-changed', attempt, state, reason } as const];
  await appendJobFacts(tx, id, isEnd(state) ? [...facts, endOf(job, state)] : facts);
  await audit(tx, {
    actor: by,
    action: `job.${actionOf(job)}`,
    target: { type: 'job', id },
    outcome: state === 'FAILED' || state === 'TIMED_OUT' ? 'failure' : 'success',
    facts: { attempt, ...(reason && { reason: reason.code }) },
    at,
  });
  if (!isEnd(state)) return;
  await endStream(tx, jobStream(id));
  await publish(tx, sandboxJobFinished, {
    key: id,
    payload: { jobId: id, state, reasonCode: reason?.code ?? null, exitCode: job.exitCode },
  });
}

export function reasonOf({ reasonCode, reasonMessage }: JobRow): JobReason | null {
  if (reasonCode === null || reasonMessage === null) return null;
  return { ...jobReason(reasonCode), message: reasonMessage };
}

function endOf(job: JobRow, state: EndState) {
  const { attempt, exitCode } = job;
  return { type: 'job.finished', attempt, state, reason: reasonOf(job), exitCode } as const;
}

const actions: Record<JobState, string> = {
  QUEUED: 'submitted',
  ADMITTED: 'admitted',
  CREATING: 'creating',
  PULLING: 'pulling',
  RUNNING: 'started',
  COLLECTING: 'collecting',
  CANCELLING: 'cancel-requested',
  SUCCEEDED: 'succeeded',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TIMED_OUT: 'timed-out',
};

function actionOf({ state, attempt, postponed }: JobRow): string {
  return state === 'QUEUED' && (attempt > 1 || postponed > 0) ? 'queued-again' : actions[state];
}
