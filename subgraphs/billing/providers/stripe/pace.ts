import { ForgeError } from '../../../shared/errors.ts';
import { sleep } from '../../../shared/time.ts';

/** Keeps calls of each account below what the provider takes, in a fair line. */
export interface Pace {
  /** Waits for a turn. Throws RATE_LIMITED when it would come too late: nothing was asked then. */
  turn(account: string, withinMs: number, signal?: AbortSignal): Promise<void>;
}

const accountsMax = 5_000;

/**
 * A token bucket for each account: so many calls a second, and as many at once.
 * Who is too early books the next free turn and waits for it.
 */
export function pace(perSecond: number): Pace {
  const everyMs = 1_000 / perSecond;
  const nextFree = new Map<string, number>();
  return {
    async turn(account, withinMs, signal) {
      const now = Date.now();
      const earliest = now - (perSecond - 1) * everyMs;
      const mine = Math.max(nextFree.get(account) ?? earliest, earliest);
      const waitMs = mine - now;
      if (waitMs > withinMs) {
        const message = 'The payment provider is asked too often.';
        throw new ForgeError('RATE_LIMITED', message, { retryable: true, retryAfterMs: waitMs });
      }
      if (nextFree.size >= accountsMax) nextFree.clear();
      nextFree.set(account, mine + everyMs);
      if (waitMs > 0) await sleep(waitMs, signal);
    },
  };
}
