import { jobReason } from '../domain/job-reason.ts';
import { finishJob } from '../store/finish-job.ts';
import { findJob } from '../store/jobs.ts';
import { postponeJob } from '../store/postpone-job.ts';
import type { Flow } from './flow.ts';
import { sandboxActor, writing } from './flow.ts';
import { tidyUp } from './tidy-up.ts';

/** There was no room for the program, and nothing of it ran. */
export interface Postponed {
  readonly kind: 'postponed';
  /** For people: what is in use. */
  readonly message: string;
}

/**
 * Puts a job back in line, as the same attempt, for a while.
 *
 * What there is of it on the runner is removed before, never after: from then
 * on the attempt belongs to the run of its next turn. A crash between the two
 * removes nothing again, and puts it back. A job that is being stopped ends here.
 */
export async function postpone(flow: Flow, { message }: Postponed): Promise<void> {
  const { run, deps, ref, turn } = flow;
  await run.step('clear', () => clear(flow), { attemptsMax: 1 });
  await run.tx('postponed', async (tx) => {
    const at = deps.clock.now();
    const reason = jobReason('WAITING_FOR_CLUSTER', message);
    const outcome = await postponeJob(tx, { ...ref, turn }, reason, sandboxActor, at);
    if (outcome === 'cancelling') await finishJob(tx, ref, sandboxActor, at);
  });
}

async function clear(flow: Flow): Promise<void> {
  const job = await writing(flow, (tx) => findJob(tx, flow.ref.jobId));
  const isOurs = job?.attempt === flow.ref.attempt && job.postponed === flow.turn;
  if (isOurs && job.state !== 'QUEUED') await tidyUp(flow);
}
