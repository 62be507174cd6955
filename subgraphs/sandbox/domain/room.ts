/**
 * Where the place stands in which a tenant's programs run:
 * PREPARING until it is whole, READY, CLOSING until nothing of it is left, CLOSED.
 */
export const roomStates = ['PREPARING', 'READY', 'CLOSING', 'CLOSED'] as const;
export type RoomState = (typeof roomStates)[number];

/** Whether a tenant wants no more programs run: that is never taken back. */
export function isClosed(state: RoomState | undefined): boolean {
  return state === 'CLOSING' || state === 'CLOSED';
}

/** What came of looking after a room. */
export type RoomOutcome =
  /** It is as it must be. */
  | { readonly kind: 'ready'; readonly profile: string }
  /** It is not, and somebody has to see to it. */
  | { readonly kind: 'refused'; readonly message: string }
  /** Nothing was learnt of it. */
  | { readonly kind: 'no-answer'; readonly message: string };

export interface RoomCare {
  readonly state: 'PREPARING' | 'READY';
  readonly failures: number;
  readonly problem: string | null;
  /** In how long it is looked after again. */
  readonly againMs: number;
}

/** How often a room is looked after in which nothing seems amiss. */
export const careEveryMs = 300_000;
const careAgainMsMin = 1_000;

/**
 * Decides what is true of a room from now on. What was ready stays so while
 * nothing is learnt; what is not as it must be lets nothing more in.
 */
export function decideCare(
  before: Pick<RoomCare, 'state' | 'failures'>,
  outcome: RoomOutcome,
): RoomCare {
  if (outcome.kind === 'ready') {
    return { state: 'READY', failures: 0, problem: null, againMs: careEveryMs };
  }
  const failures = before.failures + 1;
  const againMs = Math.min(careEveryMs, careAgainMsMin * 2 ** Math.min(failures, 20));
  const state = outcome.kind === 'no-answer' ? before.state : 'PREPARING';
  return { state, failures, problem: outcome.message, againMs };
}
