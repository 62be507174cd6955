import type { RunReason } from './run.ts';

/** How a sandbox job ended, in the sandbox's words. */
export interface JobEnd {
  readonly state: string;
  readonly reasonCode: string | null;
  readonly exitCode: number | null;
}

/** The states after which a job changes no more. */
const endStates = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT']);

export function isJobOver(state: string): boolean {
  return endStates.has(state);
}

/** Decides whether a run can go on after its job, or why it stops. */
export function decideAfterJob(
  jobId: string,
  end: JobEnd,
): { readonly kind: 'go-on' } | { readonly kind: 'stop'; readonly reason: RunReason } {
  if (end.state === 'SUCCEEDED') return { kind: 'go-on' };
  const details = [
    ...(end.reasonCode === null ? [] : [end.reasonCode]),
    ...(end.exitCode === null ? [] : [`exit code ${String(end.exitCode)}`]),
  ];
  const detail = details.length > 0 ? ` (${details.join(', ')})` : '';
  return {
    kind: 'stop',
    reason: { code: 'JOB_FAILED', message: `Job ${jobId} ended ${end.state}${detail}.` },
  };
}
