import type { Database, Tx } from '../../shared/db.ts';
import type { Chore, WorkerContext } from '../../shared/host.ts';
import type { Trace } from '../domain/give-up.ts';
import { graceMsOf, onDeadline, stopGraceMs, sweepGraceMs } from '../domain/job-deadline.ts';
import { jobReason } from '../domain/job-reason.ts';
import { lost, outOfTime } from '../domain/verdict.ts';
import type { Runner } from '../providers/runner.ts';
import { endUnseen, failUnstarted, finishJob } from '../store/finish-job.ts';
import type { JobSeen } from '../store/overdue.ts';
import { overdueJobs } from '../store/overdue.ts';
import type { AttemptRef } from '../store/program.ts';
import { lockLive } from '../store/program.ts';
import type { SandboxDeps } from './deps.ts';
import { isNoAnswer, sandboxActor } from './flow.ts';
import { giveUp, traceOf } from './give-up.ts';

/** Drives jobs on whose state has lasted too long, whether or not their run is alive. */
export const sweepDeadlines: Chore<SandboxDeps> = {
  name: 'sweep-deadlines',
  everyMs: 5_000,
  afterMs: sweepGraceMs,
  async run(work) {
    const { db, deps, log, signal } = work;
    const now = deps.clock.now();
    const overdue = await db.across((tx) => overdueJobs(tx, now));
    for (const seen of overdue) {
      if (signal.aborted) return;
      if (seen.deadlineAt.getTime() + graceMsOf(seen.state) > now.getTime()) continue;
      log.warn({ ...seen }, 'a job is past its deadline');
      try {
        await endOverdue(db, work, seen);
      } catch (err) {
        signal.throwIfAborted();
        log.error({ err, ...seen }, 'a job past its deadline could not be brought on');
      }
    }
  },
};

/**
 * Brings one job on that is past its deadline. What is left of it on the runner
 * is removed by its run, or by the sweep of the runner.
 */
export async function endOverdue(
  db: Database,
  { deps, signal }: Pick<WorkerContext<SandboxDeps>, 'deps' | 'signal'>,
  seen: JobSeen,
): Promise<void> {
  const { tenant, state, ...job } = seen;
  const ref = { jobId: job.jobId, attempt: job.attempt };
  // The runner is asked before the row is held.
  const overdue = onDeadline(state);
  const trace = overdue === 'give-up' ? await traceOf(deps.runner, ref, signal) : 'none';
  if (overdue === 'stop' || overdue === 'cancel') await stop(deps.runner, ref, signal);
  await db.tx(tenant, async (tx) => {
    const now = await lockLive(tx, ref);
    // It went on meanwhile: then it is not overdue, or is so in another state.
    if (now?.state === state) await end(tx, seen, trace, deps.clock.now());
  });
}

/** Has the program end, if the runner can be reached; its job ends all the same. */
async function stop(runner: Runner, ref: AttemptRef, signal: AbortSignal): Promise<void> {
  try {
    await runner.stop(ref, { graceMs: stopGraceMs }, { signal });
  } catch (err) {
    if (signal.aborted || !isNoAnswer(err)) throw err;
  }
}

async function end(tx: Tx, { state, jobId, attempt }: JobSeen, trace: Trace, at: Date) {
  const ref = { jobId, attempt };
  switch (onDeadline(state)) {
    case 'expire':
      await failUnstarted(tx, ref, jobReason('QUEUE_TIMEOUT'), sandboxActor, at);
      break;
    case 'give-up':
      await giveUp(tx, ref, trace, at);
      break;
    case 'stop':
      await endUnseen(tx, ref, outOfTime, sandboxActor, at);
      break;
    case 'conclude':
      await finishJob(tx, ref, sandboxActor, at);
      break;
    case 'cancel':
      await endUnseen(tx, ref, lost, sandboxActor, at);
      await finishJob(tx, ref, sandboxActor, at);
      break;
  }
}
