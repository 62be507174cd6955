import { attemptsMax } from './job-deadline.ts';
import type { JobReasonCode } from './job-reason.ts';

/** What is known of a program that was not seen to start in time. */
export type Trace =
  /** The runner says that nothing of it ran, and by now nothing will. */
  | 'none'
  /** It ran, or it may have: the runner does not say. */
  | 'unknown';

export type GiveUpDecision =
  { readonly kind: 'again' } | { readonly kind: 'fail'; readonly code: JobReasonCode };

/**
 * Decides what becomes of an attempt that did not start in time.
 *
 * It is tried again only where nothing of it ran: a program that may have had
 * an effect is never started a second time by itself.
 */
export function decideGiveUp(attempt: number, trace: Trace): GiveUpDecision {
  return trace === 'none' && attempt < attemptsMax
    ? { kind: 'again' }
    : { kind: 'fail', code: 'START_TIMEOUT' };
}
