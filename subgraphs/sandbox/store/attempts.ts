import { In, IsNull } from 'typeorm';
import type { Tx } from '../../shared/db.ts';
import { publish } from '../../shared/outbox.ts';
import { holdUnneeded, jobSubmitted } from '../../shared/topics.ts';
import { jobReason } from '../domain/job-reason.ts';
import { lineTopic } from './facts.ts';
import { AttemptRow, JobRow } from './rows.ts';

/** Opens the job's current attempt and asks billing to keep credit aside for it. */
export async function openAttempt(tx: Tx, job: JobRow, at: Date): Promise<void> {
  const { id: jobId, attempt, template, cpuMillicores, memoryMib, timeoutSeconds } = job;
  const before = attempt > 1 ? await findAttempt(tx, jobId, attempt - 1) : null;
  await tx.insert(AttemptRow, {
    jobId,
    attempt,
    tenantId: tx.tenant,
    hold: 'ASKED',
    createdAt: at,
    lastLine: before?.lastLine ?? 0,
  });
  await publish(tx, jobSubmitted, {
    key: jobId,
    payload: { jobId, attempt, template, cpuMillicores, memoryMib, timeoutSeconds },
  });
}

/**
 * Gives the credit of an attempt back of which nothing ran. One that ran is
 * settled instead, and one that was refused has none.
 */
export async function returnHold(tx: Tx, jobId: string, attempt: number): Promise<void> {
  const { affected } = await tx.update(
    AttemptRow,
    { jobId, attempt, hold: In(['ASKED', 'PLACED']), startedAt: IsNull() },
    { hold: 'RETURNED' },
  );
  if (affected === 1) await publish(tx, holdUnneeded, { key: jobId, payload: { jobId, attempt } });
}

/**
 * Writes down that credit is kept for an attempt: from now on its job only waits
 * for its turn. An answer about anything but the current attempt of a job that
 * waits changes nothing: its credit went back when it stopped waiting.
 */
export async function placeHold(tx: Tx, job: JobRow, attempt: number): Promise<void> {
  const { affected } = await tx.update(
    AttemptRow,
    { jobId: job.id, attempt, hold: 'ASKED' },
    { hold: 'PLACED' },
  );
  if (affected !== 1 || job.state !== 'QUEUED' || job.attempt !== attempt) return;
  const { code: reasonCode, message: reasonMessage } = jobReason('WAITING_FOR_TURN');
  await tx.update(JobRow, { id: job.id }, { ready: true, reasonCode, reasonMessage });
  tx.wakeAfterCommit(lineTopic);
}

/** Writes down that there is no credit for an attempt. False if that changes nothing. */
export async function refuseHold(tx: Tx, jobId: string, attempt: number): Promise<boolean> {
  const { affected } = await tx.update(
    AttemptRow,
    { jobId, attempt, hold: 'ASKED' },
    { hold: 'REFUSED' },
  );
  return affected === 1;
}

/** Writes down that billing charged an attempt. */
export async function settleAttempt(
  tx: Tx,
  jobId: string,
  attempt: number,
  at: Date,
): Promise<void> {
  await tx.update(AttemptRow, { jobId, attempt, settledAt: IsNull() }, { settledAt: at });
}

export async function findAttempt(
  tx: Tx,
  jobId: string,
  attempt: number,
): Promise<AttemptRow | null> {
  return tx.findOneBy(AttemptRow, { jobId, attempt });
}

/** All attempts of some jobs, in their order. */
export async function attemptsOf(tx: Tx, jobIds: readonly string[]): Promise<AttemptRow[]> {
  return tx.find(AttemptRow, {
    where: { jobId: In([...jobIds]) },
    order: { jobId: 'ASC', attempt: 'ASC' },
  });
}

/** Writes down that the files of an attempt are kept, as far as they could be. */
export async function markCollected(
  tx: Tx,
  { jobId, attempt }: Pick<AttemptRow, 'jobId' | 'attempt'>,
  filesRefused: number,
  at: Date,
): Promise<void> {
  await tx.update(
    AttemptRow,
    { jobId, attempt, collectedAt: IsNull() },
    { collectedAt: at, filesRefused },
  );
}
