import type { Actor } from '../../shared/auth.ts';
import type { Tx } from '../../shared/db.ts';
import { isConnectionLost } from '../../shared/db.ts';
import { ForgeError } from '../../shared/errors.ts';
import { sleep } from '../../shared/time.ts';
import type { Run } from '../../shared/workflow.ts';
import type { AttemptRef } from '../store/program.ts';
import type { SandboxDeps } from './deps.ts';

/** Who moves a job when no person does. */
export const sandboxActor: Actor = { type: 'service', id: 'sandbox' };

/** One run of an attempt, and everything its parts work with. */
export interface Flow {
  readonly run: Run;
  readonly deps: SandboxDeps;
  readonly ref: AttemptRef;
  /** How often the attempt was postponed before. */
  readonly turn: number;
}

/** Writes while a step is under way. What is written must bear being repeated. */
export function writing<T>({ run }: Flow, work: (tx: Tx) => Promise<T>): Promise<T> {
  return run.db.tx(work);
}

/** Whether nothing was learnt: the runner or the database did not answer, and may when asked again. */
export function isNoAnswer(error: unknown): boolean {
  return isConnectionLost(error) || (error instanceof ForgeError && error.retryable);
}

/**
 * Asks until there is an answer, longer apart each time. Gives undefined once
 * `until` has passed without one, and throws when the run stops here or the
 * answer is an error.
 */
export async function askUntil<T>(
  { run, deps }: Flow,
  until: Date,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  const { retryMs, retryMsMax } = deps.pace;
  for (let failures = 0; ; failures += 1) {
    try {
      return await ask();
    } catch (err) {
      run.signal.throwIfAborted();
      if (!isNoAnswer(err)) throw err;
      if (deps.clock.now() >= until) return undefined;
      run.log.warn({ err }, 'no answer: asking again');
      await sleep(Math.min(retryMsMax, retryMs * 2 ** Math.min(failures, 20)), run.signal);
    }
  }
}
