import { In, IsNull } from 'typeorm';
import type { Actor } from '../../shared/auth.ts';
import { audit } from '../../shared/audit.ts';
import type { Tx } from '../../shared/db.ts';
import type { JobEnd } from '../domain/job-end.ts';
import { appendRunFacts } from './facts.ts';
import { RunJobRow } from './rows.ts';

/** Remembers which job a step submitted. Twice the same is once. */
export async function recordJob(
  tx: Tx,
  job: { readonly runId: string; readonly stepName: string; readonly jobId: string },
  by: Actor,
  at: Date,
): Promise<void> {
  const { runId, stepName, jobId } = job;
  if (await tx.existsBy(RunJobRow, { runId, stepName })) return;
  await tx.insert(RunJobRow, { runId, stepName, jobId, tenantId: tx.tenant });
  await appendRunFacts(tx, runId, [{ type: 'run.job-submitted', step: stepName, jobId }]);
  await audit(tx, {
    actor: by,
    action: 'playbook-run.job-submitted',
    target: { type: 'PlaybookRun', id: runId },
    outcome: 'success',
    facts: { step: stepName, jobId },
    at,
  });
}

/**
 * Remembers how a job ended and gives its run; undefined when no run submitted
 * it. The first word stays: a repeated or late message changes nothing.
 */
export async function recordJobEnd(
  tx: Tx,
  jobId: string,
  end: JobEnd,
  at: Date,
): Promise<string | undefined> {
  const job = await tx.findOneBy(RunJobRow, { jobId });
  if (!job) return undefined;
  await tx.update(
    RunJobRow,
    { runId: job.runId, stepName: job.stepName, jobState: IsNull() },
    { jobState: end.state, reasonCode: end.reasonCode, exitCode: end.exitCode, finishedAt: at },
  );
  return job.runId;
}

export async function jobOfStep(
  tx: Tx,
  runId: string,
  stepName: string,
): Promise<RunJobRow | null> {
  return tx.findOneBy(RunJobRow, { runId, stepName });
}

/** How a job ended, as far as it is known. */
export function jobEndOf(job: RunJobRow): JobEnd | undefined {
  return job.jobState === null
    ? undefined
    : { state: job.jobState, reasonCode: job.reasonCode, exitCode: job.exitCode };
}

export async function jobsOfRuns(tx: Tx, runIds: readonly string[]): Promise<RunJobRow[]> {
  return tx.findBy(RunJobRow, { runId: In([...runIds]) });
}

export async function runsOfJobs(tx: Tx, jobIds: readonly string[]): Promise<RunJobRow[]> {
  return tx.findBy(RunJobRow, { jobId: In([...jobIds]) });
}
