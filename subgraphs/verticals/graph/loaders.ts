import type { Context } from '../../shared/context.ts';
import { defineLoader } from '../../shared/loaders.ts';
import { approvalsOfRuns, findApprovals } from '../store/approvals.ts';
import { reportsOfRuns } from '../store/reports.ts';
import type {
  ApprovalRow,
  CheckReportRow,
  PlaybookRunRow,
  RunJobRow,
  RunStepRow,
} from '../store/rows.ts';
import { jobsOfRuns, runsOfJobs } from '../store/run-jobs.ts';
import { findRuns } from '../store/runs.ts';
import { stepsOf } from '../store/steps.ts';

/** One query per request and kind, however many rows ask. */
export const runById = defineLoader<string, PlaybookRunRow>('run', async (ctx: Context, ids) =>
  one(await ctx.db.tx((tx) => findRuns(tx, ids)), (row) => row.id),
);

export const approvalById = defineLoader<string, ApprovalRow>(
  'approval',
  async (ctx: Context, ids) =>
    one(await ctx.db.tx((tx) => findApprovals(tx, ids)), (row) => row.id),
);

export const stepsByRun = defineLoader<string, RunStepRow[]>('run-steps', async (ctx, ids) =>
  many(await ctx.db.tx((tx) => stepsOf(tx, ids)), (row) => row.runId),
);

export const approvalsByRun = defineLoader<string, ApprovalRow[]>(
  'run-approvals',
  async (ctx, ids) => many(await ctx.db.tx((tx) => approvalsOfRuns(tx, ids)), (row) => row.runId),
);

export const jobByRun = defineLoader<string, RunJobRow>('run-job', async (ctx, ids) =>
  one(await ctx.db.tx((tx) => jobsOfRuns(tx, ids)), (row) => row.runId),
);

export const jobById = defineLoader<string, RunJobRow>('job-run', async (ctx, ids) =>
  one(await ctx.db.tx((tx) => runsOfJobs(tx, ids)), (row) => row.jobId),
);

export const reportByRun = defineLoader<string, CheckReportRow>('run-report', async (ctx, ids) =>
  one(await ctx.db.tx((tx) => reportsOfRuns(tx, ids)), (row) => row.runId),
);

function one<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row> {
  return new Map(rows.map((row) => [keyOf(row), row]));
}

function many<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}
