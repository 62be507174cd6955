import { changeReport, draftReport } from '../store/reports.ts';
import { jobIdIn } from './sandbox-tools.ts';
import type { InsideTool, ToolCall } from './tool.ts';

/** Drafts the report of the check that has just ended. */
export const draftReportTool: InsideTool = {
  where: 'inside',
  async call(tx, call, by, at) {
    const jobId = Object.values(call.outputs)
      .map(jobIdIn)
      .find((id) => id !== undefined);
    if (jobId === undefined) {
      return { kind: 'refused', code: 'NO_JOB', message: 'There is no job to report on.' };
    }
    const title = titleOf(call);
    const reportId = await draftReport(tx, { runId: call.runId, jobId, title }, by, at);
    return { kind: 'done', output: { reportId, title, jobId } };
  },
};

export const publishReportTool: InsideTool = {
  where: 'inside',
  async call(tx, { runId }, by, at) {
    const published = await changeReport(tx, runId, 'publish', by, at);
    return published
      ? { kind: 'done', output: null }
      : { kind: 'refused', code: 'REPORT_WITHDRAWN', message: 'The report is withdrawn.' };
  },
};

export const withdrawReportTool: InsideTool = {
  where: 'inside',
  async call(tx, { runId }, by, at) {
    await changeReport(tx, runId, 'withdraw', by, at);
    return { kind: 'done', output: null };
  },
};

function titleOf({ input, runId }: ToolCall): string {
  return typeof input['title'] === 'string' ? input['title'] : `Check of ${runId}`;
}
