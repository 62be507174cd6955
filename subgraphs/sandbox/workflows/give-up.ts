import type { Tx } from '../../shared/db.ts';
import type { Trace } from '../domain/give-up.ts';
import { decideGiveUp } from '../domain/give-up.ts';
import { jobReason } from '../domain/job-reason.ts';
import type { Runner } from '../providers/runner.ts';
import { failUnstarted } from '../store/finish-job.ts';
import { moveJob } from '../store/move-job.ts';
import type { AttemptRef } from '../store/program.ts';
import type { Flow } from './flow.ts';
import { isNoAnswer, sandboxActor } from './flow.ts';

/** Gives up an attempt that did not start in time, and queues the next one if nothing of it ran. */
export async function giveUpStart({ run, deps, ref }: Flow): Promise<void> {
  const trace = await run.step('trace', () => traceOf(deps.runner, ref, run.signal), {
    attemptsMax: 1,
  });
  await run.tx('give-up', (tx) => giveUp(tx, ref, trace, deps.clock.now()));
}

/** Writes that down. A job that is being stopped, or that went on meanwhile, stays as it is. */
export async function giveUp(tx: Tx, ref: AttemptRef, trace: Trace, at: Date): Promise<void> {
  const { jobId, attempt } = ref;
  const decision = decideGiveUp(attempt, trace);
  if (decision.kind === 'fail') {
    await failUnstarted(tx, ref, jobReason(decision.code), sandboxActor, at);
    return;
  }
  const reason = jobReason('START_REPEATED');
  await moveJob(tx, jobId, { to: 'QUEUED', reason, by: sandboxActor, at, attempt });
}

/**
 * Finds out whether anything of an attempt ran, and sees to it that nothing
 * will. No answer is not a no: it may have run.
 */
export async function traceOf(
  runner: Pick<Runner, 'look' | 'remove'>,
  ref: AttemptRef,
  signal: AbortSignal,
): Promise<Trace> {
  try {
    const sight = await runner.look(ref, { signal });
    if (sight.kind === 'absent' || sight.kind === 'refused') return 'none';
    if (sight.kind !== 'starting') return 'unknown';
    await runner.remove(ref, { signal });
    return 'none';
  } catch (err) {
    signal.throwIfAborted();
    if (!isNoAnswer(err)) throw err;
    return 'unknown';
  }
}
