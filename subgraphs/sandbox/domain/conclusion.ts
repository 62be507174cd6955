import type { JobReason } from './job-reason.ts';
import { jobReason } from './job-reason.ts';
import type { EndState } from './job-state.ts';
import type { Verdict } from './verdict.ts';

/** What came between the end of a program and the end of its job. */
export interface Aftermath {
  /** Whether its files were collected within their time. */
  readonly collected: boolean;
  readonly filesRefused: number;
  /** Whether billing said what it cost. */
  readonly settled: boolean;
}

/**
 * Decides how a job ends whose program has ended.
 *
 * The verdict stands whatever came after it. Only a success has no reason of
 * its own, and then says what is missing, the graver first.
 */
export function conclude(
  { state, code, details }: Verdict,
  { collected, filesRefused, settled }: Aftermath,
): { readonly state: EndState; readonly reason: JobReason | null } {
  if (code !== null) return { state, reason: jobReason(code, details) };
  if (!collected) return { state, reason: jobReason('COLLECT_TIMEOUT') };
  if (filesRefused > 0) {
    return { state, reason: jobReason('ARTIFACTS_REFUSED', `${String(filesRefused)} in all.`) };
  }
  return { state, reason: settled ? null : jobReason('SETTLE_TIMEOUT') };
}
