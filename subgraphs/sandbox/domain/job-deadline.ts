import type { JobReasonCode } from './job-reason.ts';
import type { LiveState } from './job-state.ts';

/** How long a job may stay in each state. RUNNING has the time its spec asks for. */
export const budgetsMs = {
  QUEUED: 24 * 3_600_000,
  ADMITTED: 60_000,
  CREATING: 60_000,
  PULLING: 300_000,
  COLLECTING: 180_000,
  CANCELLING: 90_000,
} as const satisfies Record<Exclude<LiveState, 'RUNNING'>, number>;

/** How long a run has past a deadline to end the state itself, before the sweep does. */
export const sweepGraceMs = 30_000;

/** How often a job is started anew by itself when nothing of it ran. */
export const attemptsMax = 3;

/** How long a program has after SIGTERM before it is killed. */
export const stopGraceMs = 5_000;

/** How long artifacts and the cost may take; together they fit into COLLECTING's budget. */
export const collectBudgetMs = 120_000;
export const settleBudgetMs = 45_000;

export interface TimedSpec {
  readonly timeoutSeconds: number;
}

/** When a state that was entered at a moment must be over. */
export function deadlineOf(state: LiveState, enteredAt: Date, spec: TimedSpec): Date {
  const budgetMs = state === 'RUNNING' ? spec.timeoutSeconds * 1_000 : budgetsMs[state];
  return new Date(enteredAt.getTime() + budgetMs);
}

/** What becomes of a job whose state has not ended by its deadline. */
export type DeadlineOutcome =
  /** It ends at once. */
  | { readonly kind: 'end'; readonly state: 'FAILED' | 'CANCELLED'; readonly reason: JobReasonCode }
  /** Nothing of it ran: it goes back to the queue for another attempt. */
  | { readonly kind: 'requeue' }
  /** Its program is stopped and counted: this is how the program ended. */
  | { readonly kind: 'verdict'; readonly state: 'TIMED_OUT'; readonly reason: JobReasonCode }
  /** Its program has ended: that is how the job ends. */
  | { readonly kind: 'conclude'; readonly reason: JobReasonCode };

/** Decides that outcome. There is one for every state: no job waits for ever. */
export function onDeadline(
  state: LiveState,
  progress: { readonly attempt: number; readonly collected: boolean },
): DeadlineOutcome {
  switch (state) {
    case 'QUEUED':
      return { kind: 'end', state: 'FAILED', reason: 'QUEUE_TIMEOUT' };
    case 'ADMITTED':
    case 'CREATING':
    case 'PULLING':
      return progress.attempt < attemptsMax
        ? { kind: 'requeue' }
        : { kind: 'end', state: 'FAILED', reason: 'START_TIMEOUT' };
    case 'RUNNING':
      return { kind: 'verdict', state: 'TIMED_OUT', reason: 'DEADLINE_EXCEEDED' };
    case 'COLLECTING':
      return { kind: 'conclude', reason: progress.collected ? 'SETTLE_TIMEOUT' : 'COLLECT_TIMEOUT' };
    case 'CANCELLING':
      return { kind: 'end', state: 'CANCELLED', reason: 'CANCELLED_BY_USER' };
  }
}
