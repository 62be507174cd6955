import {
  BrokenCircuitError,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
} from 'cockatiel';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { unavailable } from './subgraph-client.ts';

/** Stops asking a subgraph that does not answer. */
export interface Breaker {
  /**
   * Makes a call, unless so many before it went without an answer that another
   * is in vain: then throws SUBGRAPH_UNAVAILABLE at once, so that nobody waits
   * and what is down can get up. After a while one call tries again; the others
   * follow when it is answered.
   */
  guard<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** `onChange` is told when the subgraph is given up, and when it is back. */
export function breaker(name: string, onChange: (isUp: boolean) => void): Breaker {
  const policy = circuitBreaker(handleWhen(isOutage), {
    halfOpenAfter: new ExponentialBackoff({ initialDelay: firstPauseMs, maxDelay: pauseMsMax }),
    breaker: new ConsecutiveBreaker(failuresMax),
  });
  policy.onBreak(() => {
    onChange(false);
  });
  policy.onReset(() => {
    onChange(true);
  });
  return {
    async guard(call, signal) {
      try {
        return await policy.execute(() => telling(call, signal));
      } catch (cause) {
        if (cause instanceof Left) throw cause.cause;
        if (cause instanceof BrokenCircuitError) throw unavailable(name, cause, firstPauseMs);
        throw cause;
      }
    },
  };
}

const failuresMax = 10;
const firstPauseMs = 1_000;
const pauseMsMax = 30_000;

/** A call that ended because nobody waited for it any more: that says nothing of the subgraph. */
class Left extends Error {}

async function telling<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw signal.aborted && !isLate(signal.reason) ? new Left('left', { cause }) : cause;
  }
}

function isLate(reason: unknown): boolean {
  return reason instanceof ForgeError && reason.code === 'DEADLINE_EXCEEDED';
}

function isOutage(cause: unknown): boolean {
  return !(cause instanceof Left);
}
