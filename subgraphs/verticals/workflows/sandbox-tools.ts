import type { PlaybookInput } from '../domain/input-schema.ts';
import { jobEndOf, jobOfStep, recordJob } from '../store/run-jobs.ts';
import type { JobOrder } from '../providers/provider.ts';
import type { OutsideTool, ToolCall } from './tool.ts';

/** Submits the run's check as a sandbox job; every attempt means the same job. */
export const submitJobTool: OutsideTool = {
  where: 'outside',
  refusedAs: 'JOB_REFUSED',
  async call(call, graph) {
    const answer = await graph.submitJob(call.employee, orderOf(call));
    return answer.kind === 'refused' ? answer : { kind: 'done', output: { jobId: answer.jobId } };
  },
  async record(tx, { runId, stepName }, output, by, at) {
    const jobId = jobIdIn(output);
    if (jobId !== undefined) await recordJob(tx, { runId, stepName, jobId }, by, at);
  },
};

/**
 * Sees to it that the job of a step does not go on.
 *
 * When no answer ever told us the job's id, the submission is repeated with its
 * key: that gives the id of the job that may be running, or makes one that is
 * cancelled at once. A refusal means that there is no job, or none that runs.
 */
export const cancelJobTool: OutsideTool = {
  where: 'outside',
  refusedAs: 'TOOL_REFUSED',
  async isSettled(tx, { runId, stepName }) {
    const job = await jobOfStep(tx, runId, stepName);
    return job !== null && jobEndOf(job) !== undefined;
  },
  async call(call, graph) {
    const jobId = jobIdIn(call.outputs[call.stepName]) ?? (await resubmitted(call, graph));
    if (jobId === undefined) return { kind: 'done', output: null };
    await graph.cancelJob(call.employee, {
      jobId,
      reason: (call.why ?? 'The playbook run stopped.').slice(0, reasonLengthMax),
      idempotencyKey: `${call.key}:cancel`,
    });
    return { kind: 'done', output: { jobId } };
  },
};

const reasonLengthMax = 200;

async function resubmitted(
  call: ToolCall,
  graph: Parameters<OutsideTool['call']>[1],
): Promise<string | undefined> {
  const answer = await graph.submitJob(call.employee, orderOf(call));
  return answer.kind === 'submitted' ? answer.jobId : undefined;
}

function orderOf({ input, key }: ToolCall): JobOrder {
  return {
    template: textOf(input, 'template'),
    source: textOf(input, 'source'),
    ...(Array.isArray(input['args']) ? { args: input['args'] as readonly string[] } : {}),
    ...(typeof input['timeoutSeconds'] === 'number'
      ? { timeoutSeconds: input['timeoutSeconds'] }
      : {}),
    idempotencyKey: key,
  };
}

function textOf(input: PlaybookInput, name: string): string {
  const value = input[name];
  return typeof value === 'string' ? value : '';
}

/** The job's id in what the submitting step gave. */
export function jobIdIn(output: unknown): string | undefined {
  if (typeof output !== 'object' || output === null || !('jobId' in output)) return undefined;
  return typeof output.jobId === 'string' ? output.jobId : undefined;
}
