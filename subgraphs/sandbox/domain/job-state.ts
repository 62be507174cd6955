/** Where a job stands, in the order in which it usually gets there. */
export const jobStates = [
  'QUEUED',
  'ADMITTED',
  'CREATING',
  'PULLING',
  'RUNNING',
  'COLLECTING',
  'CANCELLING',
  'SUCCEEDED',
  'FAILED',
  'CANCELLED',
  'TIMED_OUT',
] as const;
export type JobState = (typeof jobStates)[number];

export const endStates = [
  'SUCCEEDED',
  'FAILED',
  'CANCELLED',
  'TIMED_OUT',
] as const satisfies JobState[];
export type EndState = (typeof endStates)[number];
export type LiveState = Exclude<JobState, EndState>;

/**
 * The states a job can go to from each state. An end has no way out: what ended
 * is never changed, only followed by a new job.
 */
export const jobTransitions = {
  QUEUED: ['ADMITTED', 'FAILED', 'CANCELLED'],
  ADMITTED: ['CREATING', 'QUEUED', 'CANCELLING', 'FAILED'],
  CREATING: ['PULLING', 'RUNNING', 'COLLECTING', 'QUEUED', 'CANCELLING', 'FAILED'],
  PULLING: ['RUNNING', 'COLLECTING', 'QUEUED', 'CANCELLING', 'FAILED'],
  RUNNING: ['COLLECTING', 'CANCELLING'],
  COLLECTING: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'CANCELLING'],
  CANCELLING: ['CANCELLED'],
  SUCCEEDED: [],
  FAILED: [],
  CANCELLED: [],
  TIMED_OUT: [],
} as const satisfies Record<JobState, readonly JobState[]>;

export function isEnd(state: JobState): state is EndState {
  return jobTransitions[state].length === 0;
}

/** The states in which a job has its turn: it takes room on the runner and of its tenant's quota. */
export const activeStates = [
  'ADMITTED',
  'CREATING',
  'PULLING',
  'RUNNING',
  'CANCELLING',
] as const satisfies JobState[];

export function takesRoom(state: JobState): boolean {
  return (activeStates as readonly JobState[]).includes(state);
}

/** States that come after one another without a choice, so that a late observer may skip some. */
const course: readonly JobState[] = [
  'QUEUED',
  'ADMITTED',
  'CREATING',
  'PULLING',
  'RUNNING',
  'COLLECTING',
];

export type MoveDecision =
  /** The job goes there. */
  | { readonly kind: 'move' }
  /** The job is there, or further on its way: nothing is left to do. */
  | { readonly kind: 'past' }
  /** The job is being stopped: do nothing new, end it. */
  | { readonly kind: 'cancelling' }
  /** The job has ended: whatever was wanted, it is too late. */
  | { readonly kind: 'over' }
  /** No job goes there from here. */
  | { readonly kind: 'forbidden' };

/**
 * Decides what becomes of the wish to bring a job to a state.
 *
 * Every change of state goes through here, under the lock of the job's row:
 * the first wish that commits wins, and everybody else is told what to make
 * of it.
 */
export function decideMove(from: JobState, to: JobState): MoveDecision {
  if (isEnd(from)) return { kind: 'over' };
  if (from === to) return { kind: 'past' };
  if ((jobTransitions[from] as readonly JobState[]).includes(to)) return { kind: 'move' };
  if (from === 'CANCELLING') return { kind: 'cancelling' };
  const [here, there] = [course.indexOf(from), course.indexOf(to)];
  return there >= 0 && there < here ? { kind: 'past' } : { kind: 'forbidden' };
}

export type CancelDecision =
  /** Nothing of the job exists outside our tables: it ends here. */
  | { readonly kind: 'end' }
  /** Something may run: it is stopped, then the job ends. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'already' }
  | { readonly kind: 'over' };

/** Decides how a job is cancelled from where it stands. */
export function decideCancel(from: JobState): CancelDecision {
  if (isEnd(from)) return { kind: 'over' };
  if (from === 'CANCELLING') return { kind: 'already' };
  return { kind: from === 'QUEUED' ? 'end' : 'stop' };
}
