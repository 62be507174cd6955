import { ForgeError } from '../../shared/errors.ts';
import type { RunnerCall } from './runner.ts';

/** Asks a runner's machinery for something, as a call of the contract. */
export type Answered = <T>(
  what: string,
  call: RunnerCall | undefined,
  ask: () => Promise<T>,
) => Promise<T>;

/**
 * Makes calls fail as `Runner` promises: a call whose signal has fired throws that
 * signal's reason, and anything that is no answer is PROVIDER_UNAVAILABLE,
 * retryable, with its cause for the log.
 */
export function answeredBy(who: string): Answered {
  return async (what, call, ask) => {
    const signal = call?.signal;
    signal?.throwIfAborted();
    try {
      return await ask();
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof ForgeError) throw cause;
      const message = `${who} gave no answer to "${what}".`;
      throw new ForgeError('PROVIDER_UNAVAILABLE', message, { cause, retryable: true });
    }
  };
}
