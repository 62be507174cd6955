import { consumer } from '../../shared/outbox.ts';
import { sandboxJobFinished } from '../../shared/topics.ts';
import { recordJobEnd } from '../store/run-jobs.ts';
import type { VerticalsDeps } from './deps.ts';
import { wakeTopic } from './flow.ts';
import { runPlaybook } from './run-playbook.ts';

/**
 * Tells the run that submitted a job how the job ended. Most jobs belong to no
 * run; a run that does not know its job yet asks about it as soon as it does.
 */
export const jobFinished = consumer(sandboxJobFinished, async ({ tx, payload, deps }) => {
  const end = {
    state: payload.state,
    reasonCode: payload.reasonCode ?? null,
    exitCode: payload.exitCode ?? null,
  };
  const runId = await recordJobEnd(tx, payload.jobId, end, (deps as VerticalsDeps).clock.now());
  if (runId !== undefined) await runPlaybook.signal(tx, runId, wakeTopic, payload.jobId);
});
