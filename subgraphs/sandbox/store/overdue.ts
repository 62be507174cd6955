import type { AcrossTx, Tx } from '../../shared/db.ts';
import type { LiveState } from '../domain/job-state.ts';
import { releaseContents } from './contents.ts';

/** A job of any tenant that somebody should look at. */
export interface JobSeen {
  readonly tenant: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly state: LiveState;
  readonly deadlineAt: Date;
}

interface SeenRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly attempt: number;
  readonly state: LiveState;
  readonly deadline_at: Date;
}

const batchMax = 100;

/** Jobs whose state should have ended before a moment, the oldest deadline first. */
export async function overdueJobs(tx: AcrossTx, before: Date): Promise<JobSeen[]> {
  const rows = await tx.query<SeenRow>(
    `select tenant_id, id, attempt, state, deadline_at from job
     where deadline_at < $1 order by deadline_at limit $2`,
    [before, batchMax],
  );
  return rows.map(toSeen);
}

/** Jobs whose program runs, but of which nobody has seen a sign of life since a moment. */
export async function silentJobs(tx: AcrossTx, since: Date): Promise<JobSeen[]> {
  const rows = await tx.query<SeenRow>(
    `select j.tenant_id, j.id, j.attempt, j.state, j.deadline_at from job j
     join job_attempt a on a.job_id = j.id and a.attempt = j.attempt
     where j.state in ('RUNNING', 'CANCELLING') and a.finished_at is null and a.seen_at < $1
     limit $2`,
    [since, batchMax],
  );
  return rows.map(toSeen);
}

function toSeen(row: SeenRow): JobSeen {
  const { tenant_id: tenant, id: jobId, attempt, state, deadline_at: deadlineAt } = row;
  return { tenant, jobId, attempt, state, deadlineAt };
}

/** What is known of attempts of which something is on the runner. */
export interface AttemptSeen {
  readonly tenant: string;
  readonly jobId: string;
  readonly attempt: number;
  /** Whether it is the job's current attempt and the job is not over. */
  readonly live: boolean;
}

export async function attemptsSeen(
  tx: AcrossTx,
  keys: readonly { readonly jobId: string; readonly attempt: number }[],
): Promise<AttemptSeen[]> {
  const rows = await tx.query<{
    tenant_id: string;
    job_id: string;
    attempt: number;
    live: boolean;
  }>(
    `select a.tenant_id, a.job_id, a.attempt,
       j.attempt = a.attempt and j.finished_at is null as live
     from job_attempt a join job j on j.id = a.job_id
     join unnest($1::text[], $2::int[]) as wanted (job_id, attempt)
       on wanted.job_id = a.job_id and wanted.attempt = a.attempt`,
    [keys.map(({ jobId }) => jobId), keys.map(({ attempt }) => attempt)],
  );
  return rows.map(({ tenant_id: tenant, job_id: jobId, attempt, live }) => ({
    tenant,
    jobId,
    attempt,
    live,
  }));
}

/** Jobs that ended before a moment and whose output and files are still kept. */
export async function jobsToPurge(
  tx: AcrossTx,
  before: Date,
): Promise<{ readonly tenant: string; readonly jobId: string }[]> {
  const rows = await tx.query<{ tenant_id: string; id: string }>(
    `select tenant_id, id from job where finished_at < $1 and purged_at is null
     order by finished_at limit $2`,
    [before, batchMax],
  );
  return rows.map(({ tenant_id: tenant, id: jobId }) => ({ tenant, jobId }));
}

/** Removes what a job printed and left. The job itself stays, with its attempts and what they used. */
export async function purgeJob(tx: Tx, jobId: string, at: Date): Promise<void> {
  await tx.query('delete from log_chunk where job_id = $1', [jobId]);
  await releaseContents(tx, jobId);
  await tx.query('delete from artifact where job_id = $1', [jobId]);
  await tx.query('delete from artifact_refusal where job_id = $1', [jobId]);
  await tx.query('delete from artifact_upload where job_id = $1', [jobId]);
  await tx.query('update job set purged_at = $2 where id = $1', [jobId, at]);
}
