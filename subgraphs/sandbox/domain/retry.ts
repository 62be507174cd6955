import type { JobState } from './job-state.ts';
import { isEnd } from './job-state.ts';

export type RetryDecision =
  { readonly kind: 'accepted' } | { readonly kind: 'rejected'; readonly message: string };

/**
 * Decides whether a job may be sent again.
 *
 * Whoever asks knows best whether that makes sense: any job that ended without
 * success may be. What succeeded is not repeated by a retry, since its effects
 * are there; what still runs may yet succeed.
 */
export function decideRetry(state: JobState): RetryDecision {
  if (!isEnd(state)) {
    const message = `The job is ${state}. Cancel it first, or wait for its end.`;
    return { kind: 'rejected', message };
  }
  if (state === 'SUCCEEDED') {
    return { kind: 'rejected', message: 'The job succeeded. Submit a new one to run it again.' };
  }
  return { kind: 'accepted' };
}
