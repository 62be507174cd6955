import type { JobReasonCode } from './job-reason.ts';
import type { EndState } from './job-state.ts';

/** How a program ended, as its runner tells it. */
export interface ProgramEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly oomKilled: boolean;
  readonly outputLimit: boolean;
  readonly diskLimit: boolean;
  readonly stopped: boolean;
}

/** What that means for its job. */
export interface Verdict {
  readonly state: Exclude<EndState, 'CANCELLED'>;
  readonly code: JobReasonCode | null;
  /** Added to what is always said of the reason. */
  readonly details: string;
}

/**
 * Decides what a program's end means.
 *
 * A limit that was enforced explains an end better than the exit code that
 * followed from it. `overdue` is a program that was stopped since its time was
 * over, where the runner did not see to that itself.
 */
export function judge(end: ProgramEnd, { overdue }: { readonly overdue: boolean }): Verdict {
  const failed = (code: JobReasonCode, details = '') =>
    ({ state: 'FAILED', code, details }) as const;

  if (end.timedOut || (end.stopped && overdue)) return outOfTime;
  if (end.oomKilled) return failed('OOM_KILLED');
  if (end.outputLimit) return failed('OUTPUT_LIMIT');
  if (end.diskLimit) return failed('DISK_LIMIT');
  if (end.signal !== null) return failed('KILLED_BY_SIGNAL', `It was ${end.signal}.`);
  if (end.exitCode === 0) return { state: 'SUCCEEDED', code: null, details: '' };
  return failed('EXIT_NON_ZERO', `It was ${String(end.exitCode ?? 'unknown')}.`);
}

export const outOfTime: Verdict = { state: 'TIMED_OUT', code: 'DEADLINE_EXCEEDED', details: '' };

export const lost: Verdict = { state: 'FAILED', code: 'RUNNER_LOST', details: '' };

export const broken: Verdict = { state: 'FAILED', code: 'INTERNAL', details: '' };
