import { IsNull } from 'typeorm';
import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import { publish } from '../../shared/outbox.ts';
import { attemptFinished } from '../../shared/topics.ts';
import { isEnd } from '../domain/job-state.ts';
import { wallMsBetween } from '../domain/usage.ts';
import type { Verdict } from '../domain/verdict.ts';
import { findAttempt } from './attempts.ts';
import { appendJobFacts } from './facts.ts';
import { lockJob } from './jobs.ts';
import type { Moved } from './move-job.ts';
import { moveJob } from './move-job.ts';
import { AttemptRow, JobRow } from './rows.ts';

/** One try to run a job, and who speaks for it. */
export interface AttemptRef {
  readonly jobId: string;
  readonly attempt: number;
}

/** Tells that the program of an attempt runs. What it uses from now on will be told and charged. */
export async function markStarted(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  startedAt: Date,
  by: Actor,
  at: Date,
): Promise<Moved> {
  const { outcome } = await moveJob(tx, jobId, { to: 'RUNNING', by, at, attempt, startedAt });
  if (outcome === 'over') return outcome;
  await tx.update(
    AttemptRow,
    { jobId, attempt, startedAt: IsNull() },
    { startedAt, seenAt: startedAt },
  );
  return outcome;
}

export interface UsageSample {
  readonly at: Date;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly memoryPeakBytes: number;
}

/** Writes down what a running program has used until now, and that it lives. */
export async function sampleUsage(tx: Tx, ref: AttemptRef, sample: UsageSample): Promise<void> {
  if (!(await lockLive(tx, ref))) return;
  const { at: seenAt, wallMs, ...used } = sample;
  const whole = { wallMs: Math.round(wallMs), cpuMs: Math.round(used.cpuMs) };
  const sampled = { seenAt, ...used, ...whole };
  const { affected } = await tx.update(AttemptRow, { ...ref, finishedAt: IsNull() }, sampled);
  // Its total is told: nothing comes after that.
  if (affected !== 1) return;
  await tellUsage(tx, ref, { ...used, ...whole });
}

async function tellUsage(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  { wallMs: billableMs, cpuMs, memoryBytes, memoryPeakBytes }: Omit<UsageSample, 'at'>,
): Promise<void> {
  const used = { billableMs, cpuMs, memoryBytes, memoryPeakBytes };
  await appendJobFacts(tx, jobId, [{ type: 'job.usage-sampled', attempt, ...used }]);
}

export interface ProgramOver {
  readonly verdict: Verdict;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly cpuMs: number;
  readonly memoryPeakBytes: number;
}

/**
 * Writes down how the program of an attempt ended and tells billing what it
 * used, once: the first word stays, whoever says it. The job goes on to
 * COLLECTING, or stays CANCELLING.
 */
export async function endProgram(
  tx: Tx,
  ref: AttemptRef,
  over: ProgramOver,
  by: Actor,
  at: Date,
): Promise<Moved> {
  const { jobId, attempt } = ref;
  const started = await markStarted(tx, ref, over.startedAt, by, at);
  const row = await findAttempt(tx, jobId, attempt);
  if (started === 'over' || !row || row.finishedAt) return started;

  const startedAt = row.startedAt ?? over.startedAt;
  const finishedAt = over.finishedAt < startedAt ? startedAt : over.finishedAt;
  const used = {
    wallMs: wallMsBetween(startedAt, finishedAt),
    cpuMs: Math.round(Math.max(over.cpuMs, row.cpuMs)),
    memoryPeakBytes: Math.max(over.memoryPeakBytes, row.memoryPeakBytes),
  };
  const { verdict, exitCode, signal } = over;
  await tx.update(AttemptRow, ref, {
    ...used,
    ...{ exitCode, signal, finishedAt, seenAt: finishedAt },
    verdictState: verdict.state,
    verdictCode: verdict.code,
    verdictDetails: verdict.details,
  });
  await tx.update(JobRow, { id: jobId }, { exitCode });
  await tellUsage(tx, ref, { ...used, memoryBytes: 0 });
  const { job, outcome } = await moveJob(tx, jobId, { to: 'COLLECTING', by, at, attempt });
  await publish(tx, attemptFinished, {
    key: jobId,
    payload: {
      ...ref,
      ...used,
      cpuMillicores: job.cpuMillicores,
      memoryMib: job.memoryMib,
      startedAt: startedAt.toISOString(),
      finishedAt: finishedAt.toISOString(),
    },
  });
  return outcome;
}

export function verdictOf(attempt: AttemptRow): Verdict | null {
  const { verdictState: state, verdictCode: code, verdictDetails: details } = attempt;
  return state === null ? null : { state, code, details };
}

/** Holds the job's row if this is its current attempt and the job is not over. */
export async function lockLive(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
): Promise<JobRow | undefined> {
  const job = await lockJob(tx, jobId);
  return job.attempt === attempt && !isEnd(job.state) ? job : undefined;
}
