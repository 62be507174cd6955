import { In } from 'typeorm';
import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import { notFound } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { deadlineOf } from '../domain/job-deadline.ts';
import { jobReason } from '../domain/job-reason.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import type { JobState } from '../domain/job-state.ts';
import { openAttempt } from './attempts.ts';
import { JobProgramRow, JobRow } from './rows.ts';
import { tellState } from './tell-state.ts';

export interface NewJob {
  readonly spec: JobSpec;
  readonly submittedBy: Actor;
  readonly retryOf: string | null;
  readonly at: Date;
}

/** Queues a job and asks for credit; its event and audit entry commit with it. */
export async function insertJob(tx: Tx, order: NewJob): Promise<string> {
  const { spec, submittedBy, retryOf, at } = order;
  const { source, args, env, ...limits } = spec;
  const reason = jobReason('WAITING_FOR_CREDIT');
  const job = tx.create(JobRow, {
    id: newId('job'),
    tenantId: tx.tenant,
    ...limits,
    labels: [...limits.labels],
    submittedByType: submittedBy.type,
    submittedById: submittedBy.id,
    retryOf,
    state: 'QUEUED',
    ready: false,
    reasonCode: reason.code,
    reasonMessage: reason.message,
    attempt: 1,
    postponed: 0,
    exitCode: null,
    createdAt: at,
    deadlineAt: deadlineOf('QUEUED', at, spec),
  });
  const { id: jobId, tenantId } = job;
  await tx.insert(JobRow, job);
  await tx.insert(JobProgramRow, { jobId, tenantId, source, args: [...args], env: [...env] });
  await openAttempt(tx, job, at);
  await tellState(tx, job, submittedBy, at);
  return jobId;
}

/** Holds the job's row, so that nobody else changes the job until the transaction ends. */
export async function lockJob(tx: Tx, jobId: string): Promise<JobRow> {
  const job = await tx.findOne(JobRow, {
    where: { id: jobId },
    lock: { mode: 'pessimistic_write' },
  });
  if (!job) throw notFound('Job');
  return job;
}

export async function findJob(tx: Tx, jobId: string): Promise<JobRow | null> {
  return tx.findOne(JobRow, { where: { id: jobId } });
}

export async function findJobs(tx: Tx, ids: readonly string[]): Promise<JobRow[]> {
  return tx.find(JobRow, { where: { id: In([...ids]) } });
}

export async function findPrograms(tx: Tx, jobIds: readonly string[]): Promise<JobProgramRow[]> {
  return tx.find(JobProgramRow, { where: { jobId: In([...jobIds]) } });
}

/** The spec of a job as it was accepted. */
export async function specOf(tx: Tx, job: JobRow): Promise<JobSpec> {
  const program = await tx.findOneByOrFail(JobProgramRow, { jobId: job.id });
  const { name, labels, template, timeoutSeconds, cpuMillicores, memoryMib } = job;
  const { source, args, env } = program;
  return { name, labels, template, source, args, env, timeoutSeconds, cpuMillicores, memoryMib };
}

export interface JobPage {
  readonly states?: readonly JobState[] | undefined;
  readonly template?: string | undefined;
  readonly name?: string | undefined;
  readonly limit: number;
  readonly beforeId: string | undefined;
}

/** One page of the tenant's jobs, the newest first. */
export async function listJobs(tx: Tx, page: JobPage): Promise<JobRow[]> {
  const query = tx
    .createQueryBuilder(JobRow, 'job')
    .where('job.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('job.id', 'DESC')
    .limit(page.limit);
  const { states, template, name, beforeId } = page;
  if (states) query.andWhere('job.state = any(:states)', { states });
  if (template !== undefined) query.andWhere('job.template = :template', { template });
  if (name !== undefined) query.andWhere('job.name = :name', { name });
  if (beforeId !== undefined) query.andWhere('job.id < :before', { before: beforeId });
  return query.getMany();
}
