const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** How long after a call without an answer it is looked into again, each time. */
export const recoveryDelaysMs = [5 * second, 30 * second, 5 * minute, hour, day] as const;

/** What is done about a call that has no answer. */
export type Recovery = 'ask-again' | 'look-up';

/** Between our clock and the provider's, and for the way of a request. */
const marginMs = 30 * minute;

/**
 * How to find out what became of a call: within the time for which the provider
 * keeps its key the same call gives the first one's answer; after it, the same
 * call could have a second effect, so that it is only looked for.
 */
export function recoveryOf(firstCalledAt: Date, now: Date, keyKeptMs: number): Recovery {
  return now.getTime() - firstCalledAt.getTime() < keyKeptMs - marginMs ? 'ask-again' : 'look-up';
}

/**
 * Whether not finding it proves that it was not done: a call that may still be
 * under way at the provider proves nothing.
 */
export function isProof(firstCalledAt: Date, now: Date): boolean {
  return now.getTime() - firstCalledAt.getTime() >= 4 * minute;
}
