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

/** How long the run of a job has, after a deadline or a restart, to end the state itself. */
export const sweepGraceMs = 30_000;

/** How often a job is started anew by itself when nothing of it ran. */
export const attemptsMax = 3;

/** How long a program has after SIGTERM before it is killed. */
export const stopGraceMs = 5_000;

/** How long artifacts and the cost may take; together they fit into COLLECTING's budget. */
export const collectBudgetMs = 120_000;
export const settleBudgetMs = 45_000;

/**
 * How long an attempt that is being created can still leave files: past it no
 * state of it lasts, however late each of them ended.
 */
export function uploadLifeMs({ timeoutSeconds }: TimedSpec): number {
  const { CREATING, PULLING, COLLECTING } = budgetsMs;
  const states = [CREATING, PULLING, timeoutSeconds * 1_000, COLLECTING];
  return states.reduce((sum, budgetMs) => sum + budgetMs + sweepGraceMs, 0);
}

export interface TimedSpec {
  readonly timeoutSeconds: number;
}

/** When a state that was entered at a moment must be over. */
export function deadlineOf(state: LiveState, enteredAt: Date, spec: TimedSpec): Date {
  const budgetMs = state === 'RUNNING' ? spec.timeoutSeconds * 1_000 : budgetsMs[state];
  return new Date(enteredAt.getTime() + budgetMs);
}

/** What is done about a job whose state has not ended by its deadline. */
export type Overdue =
  /** It waited too long: it ends FAILED. */
  | 'expire'
  /** It did not start: it is tried again if nothing of it ran, see `give-up.ts`. */
  | 'give-up'
  /** Its program is stopped and counted, and was out of time. */
  | 'stop'
  /** Its program has ended: its verdict stands, see `conclusion.ts`. */
  | 'conclude'
  /** It ends CANCELLED, whatever the runner says. */
  | 'cancel';

/** Decides that. There is something for every state: no job waits for ever. */
export function onDeadline(state: LiveState): Overdue {
  switch (state) {
    case 'QUEUED':
      return 'expire';
    case 'ADMITTED':
    case 'CREATING':
    case 'PULLING':
      return 'give-up';
    case 'RUNNING':
      return 'stop';
    case 'COLLECTING':
      return 'conclude';
    case 'CANCELLING':
      return 'cancel';
  }
}

/**
 * How long past a deadline the sweep waits. The run of a job ends its states
 * itself; a job in the queue has none.
 */
export function graceMsOf(state: LiveState): number {
  return state === 'QUEUED' ? 0 : sweepGraceMs;
}
