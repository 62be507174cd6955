import { wakeOrTimeout } from '../../shared/wakeups.ts';
import { isEnd } from '../domain/job-state.ts';
import { findAttempt } from '../store/attempts.ts';
import { jobTopic } from '../store/facts.ts';
import { findJob } from '../store/jobs.ts';
import type { Flow } from './flow.ts';
import { askUntil, writing } from './flow.ts';

/**
 * Waits until billing has said what the attempt cost, so that the job's last
 * event finds its cost settled. Not for ever: a job ends without that too.
 */
export async function awaitSettlement(flow: Flow): Promise<void> {
  const { run, deps, ref } = flow;
  const until = new Date(deps.clock.now().getTime() + deps.pace.settleMs);
  while (deps.clock.now() < until) {
    run.signal.throwIfAborted();
    const leftMs = Math.min(deps.pace.lookMs, until.getTime() - deps.clock.now().getTime());
    const woken = wakeOrTimeout(
      run.db.wakeups,
      jobTopic(ref.jobId),
      Math.max(leftMs, 1),
      run.signal,
    );
    const settled = await askUntil(flow, until, () => writing(flow, (tx) => isSettled(tx, flow)));
    if (settled === true) return;
    await woken;
  }
}

async function isSettled(
  tx: Parameters<typeof findAttempt>[0],
  { ref: { jobId, attempt } }: Flow,
): Promise<boolean> {
  const [row, job] = [await findAttempt(tx, jobId, attempt), await findJob(tx, jobId)];
  return row?.settledAt != null || !job || isEnd(job.state);
}
