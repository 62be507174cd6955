import type { Playbook, ToolName } from './playbook.ts';

export const runStates = [
  'QUEUED',
  'RUNNING',
  'WAITING_FOR_JOB',
  'WAITING_FOR_APPROVAL',
  'COMPENSATING',
  'SUCCEEDED',
  'FAILED',
  'CANCELLED',
] as const;
export type RunState = (typeof runStates)[number];

export const stepStates = [
  'PENDING',
  'RUNNING',
  'WAITING',
  'SUCCEEDED',
  'FAILED',
  'SKIPPED',
  'COMPENSATING',
  'COMPENSATED',
  'COMPENSATION_FAILED',
] as const;
export type StepState = (typeof stepStates)[number];

/** Why a run stopped before its end. */
export interface RunReason {
  readonly code: RunReasonCode;
  readonly message: string;
}

export type RunReasonCode =
  | 'CANCELLED'
  | 'APPROVAL_REJECTED'
  | 'APPROVAL_EXPIRED'
  | 'JOB_REFUSED'
  | 'JOB_FAILED'
  | 'JOB_LATE'
  | 'TOOL_REFUSED'
  | 'TOOL_UNAVAILABLE'
  | 'PLAYBOOK_MISSING'
  | 'INTERNAL';

/** The states that a run can go to from each state. */
export const runTransitions: Readonly<Record<RunState, readonly RunState[]>> = {
  QUEUED: ['RUNNING', 'COMPENSATING'],
  RUNNING: ['WAITING_FOR_JOB', 'WAITING_FOR_APPROVAL', 'COMPENSATING', 'SUCCEEDED'],
  WAITING_FOR_JOB: ['RUNNING', 'COMPENSATING'],
  WAITING_FOR_APPROVAL: ['RUNNING', 'COMPENSATING'],
  COMPENSATING: ['FAILED', 'CANCELLED'],
  SUCCEEDED: [],
  FAILED: [],
  CANCELLED: [],
};

export function isOver(state: RunState): boolean {
  return runTransitions[state].length === 0;
}

/** What somebody wants a run to do: its engine, or a person who cancels it. */
export type RunWish =
  | { readonly kind: 'work' | 'await-job' | 'await-approval' | 'succeed' | 'close' }
  | { readonly kind: 'stop'; readonly reason: RunReason };

export interface RunStatus {
  readonly state: RunState;
  readonly reason: RunReason | null;
}

export type RunDecision =
  /** The run goes to another state. */
  | { readonly kind: 'change'; readonly to: RunStatus }
  /** The run is already what was wished for. */
  | { readonly kind: 'same' }
  /** The run is taking its effects back: do nothing new. */
  | { readonly kind: 'stopping' }
  /** The run has ended: nothing changes any more. */
  | { readonly kind: 'over' };

/**
 * Decides what a run becomes.
 *
 * A stop wins over everything but an end: from then on the run can only take
 * back what it did and close, and its first reason stays. So a cancel that races
 * with the engine stops it at its next transaction, whichever comes first.
 */
export function decideRun(run: RunStatus, wish: RunWish): RunDecision {
  if (isOver(run.state)) return { kind: 'over' };
  if (run.state === 'COMPENSATING') {
    if (wish.kind !== 'close') return { kind: 'stopping' };
    const state = run.reason?.code === 'CANCELLED' ? 'CANCELLED' : 'FAILED';
    return { kind: 'change', to: { state, reason: run.reason } };
  }
  if (wish.kind === 'stop') {
    return { kind: 'change', to: { state: 'COMPENSATING', reason: wish.reason } };
  }
  const state = wishedState[wish.kind];
  if (state === undefined || run.state === state) return { kind: 'same' };
  // Waiting and success are reached from work only, so that no watcher misses it.
  if (!runTransitions[run.state].includes(state)) return { kind: 'same' };
  return { kind: 'change', to: { state, reason: null } };
}

const wishedState: Readonly<Record<Exclude<RunWish['kind'], 'stop'>, RunState | undefined>> = {
  work: 'RUNNING',
  'await-job': 'WAITING_FOR_JOB',
  'await-approval': 'WAITING_FOR_APPROVAL',
  succeed: 'SUCCEEDED',
  close: undefined,
};

/** What became of a step, as far as taking it back is concerned. */
export interface StepTrace {
  readonly name: string;
  readonly state: StepState;
}

export type Compensation = { readonly stepName: string; readonly tool: ToolName };

/**
 * Lists what must be taken back, the last effect first.
 *
 * A step that was begun counts even without an answer: its effect may have
 * happened. A step that was refused did nothing and is left out, as is one that
 * is already taken back.
 */
export function compensationsOf(playbook: Playbook, traces: readonly StepTrace[]): Compensation[] {
  const states = new Map(traces.map((trace) => [trace.name, trace.state]));
  return playbook.steps.toReversed().flatMap((step) => {
    if (step.kind !== 'tool' || step.compensation === undefined) return [];
    const state = states.get(step.name) ?? 'PENDING';
    return mayHaveHadEffect[state] ? [{ stepName: step.name, tool: step.compensation }] : [];
  });
}

const mayHaveHadEffect: Readonly<Record<StepState, boolean>> = {
  PENDING: false,
  RUNNING: true,
  WAITING: true,
  SUCCEEDED: true,
  FAILED: false,
  SKIPPED: false,
  COMPENSATING: true,
  COMPENSATED: false,
  COMPENSATION_FAILED: false,
};
