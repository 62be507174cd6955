import { setTimeout as pause } from 'node:timers/promises';
import type { RetryBudget } from '../../subgraphs/shared/retry-budget.ts';

const attemptsMax = 3;
const retryDelayMs = 50;

/** Makes a call again that failed on its way, as far as there is a budget for it. */
export async function retrying<T>(
  budget: RetryBudget | undefined,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  budget?.call();
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (cause) {
      const isPassing = attempts < attemptsMax && isOnItsWay(cause) && !signal.aborted;
      if (!isPassing || budget?.retry() !== true) throw cause;
      await pause(retryDelayMs * 2 ** (attempts - 1) * (0.5 + Math.random()));
    }
  }
}

/** An answer of something between the subgraph and us, that could not reach it. */
export class PassingStatus extends Error {
  override readonly name = 'PassingStatus';
}

export const passingStatuses: ReadonlySet<number> = new Set([502, 503, 504]);

const connectionFailures: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);

function isOnItsWay(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.cause instanceof PassingStatus) return true;
  return 'code' in error && connectionFailures.has(error.code);
}
