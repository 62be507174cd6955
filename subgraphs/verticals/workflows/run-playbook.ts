import type { Actor } from '../../shared/auth.ts';
import type { Run } from '../../shared/workflow.ts';
import { defineWorkflow } from '../../shared/workflow.ts';
import type { PlaybookStep } from '../domain/playbook.ts';
import { takeApprovalStep } from './approval-step.ts';
import { compensate } from './compensate.ts';
import type { VerticalsDeps } from './deps.ts';
import type { Course, Flow } from './flow.ts';
import { stopRun } from './flow.ts';
import { takeJobWaitStep } from './job-wait-step.ts';
import { takeToolStep } from './tool-step.ts';
import { wishRun } from '../store/runs.ts';

export interface RunPlaybook {
  /** One version, `key@version`: a run ends on the version on which it began. */
  readonly playbookId: string;
}

/**
 * Takes a run through the steps of its playbook, as the playbook's AI employee,
 * and ends it SUCCEEDED, FAILED or CANCELLED.
 *
 * Everything that a decision depends on is in our own rows; messages only wake.
 * Each transaction first holds the run's row and sees whether the run was
 * stopped, so that a cancel takes hold at the next one.
 *
 * | a crash | after it |
 * |---|---|
 * | before a step begins | the step begins once |
 * | between `begin` and a tool's call | the call is made once |
 * | in a tool's call, or before its answer is recorded | the call is made again with the same key (run id and step name): the same job |
 * | after the answer, before `finish` | the recorded answer is written; nobody is asked again |
 * | while it waits for a job | the wait goes on; a job that ended meanwhile woke it or is asked about |
 * | while it waits for a decision | the wait goes on to the same deadline; a decision made meanwhile is in its row |
 * | between a decision and the next step | the decision is read again |
 * | while effects are taken back | the unfinished one is taken back again with its key, then the rest |
 *
 * An answer that never came is not a no: the step is then taken back as if it
 * had happened. A bug in a step stops the run with INTERNAL and takes back what
 * it did, instead of leaving it half done for ever.
 */
export const runPlaybook = defineWorkflow<RunPlaybook, VerticalsDeps>(
  'verticals.run-playbook',
  followPlaybook,
);

/** The body of the workflow. */
export async function followPlaybook(
  run: Run,
  { playbookId }: RunPlaybook,
  deps: VerticalsDeps,
): Promise<void> {
  const playbook = deps.catalogue.find(playbookId);
  if (!playbook) {
    const message = `This release does not know the playbook ${playbookId}.`;
    await run.tx('close-unknown', async (tx) => {
      const at = deps.clock.now();
      const reason = { code: 'PLAYBOOK_MISSING', message } as const;
      await wishRun(tx, run.id, { kind: 'stop', reason }, engine, at);
      await wishRun(tx, run.id, { kind: 'close' }, engine, at);
    });
    return;
  }
  const flow: Flow = { run, playbook, deps, by: { type: 'ai-employee', id: playbook.employee } };
  if ((await goForward(flow)) === 'stop') await compensate(flow);
}

/** Acts for runs whose playbook, and so whose employee, is not known. */
const engine: Actor = { type: 'service', id: 'verticals' };

async function goForward(flow: Flow): Promise<Course> {
  const { run, playbook, deps, by } = flow;
  try {
    for (const step of playbook.steps) {
      if ((await takeStep(flow, step)) === 'stop') return 'stop';
    }
    return await run.tx('succeed', async (tx): Promise<Course> => {
      const { outcome } = await wishRun(tx, run.id, { kind: 'succeed' }, by, deps.clock.now());
      return outcome === 'stopping' ? 'stop' : 'go-on';
    });
  } catch (cause) {
    if (run.signal.aborted) throw cause;
    run.log.error({ err: cause, runId: run.id }, 'a playbook run broke and is taken back');
    const reason = {
      code: 'INTERNAL',
      message: 'The run broke; what it did is taken back.',
    } as const;
    return run.tx('broken', (tx) => stopRun(tx, flow, reason, deps.clock.now()));
  }
}

function takeStep(flow: Flow, step: PlaybookStep): Promise<Course> {
  switch (step.kind) {
    case 'tool':
      return takeToolStep(flow, step);
    case 'job-wait':
      return takeJobWaitStep(flow, step);
    case 'approval':
      return takeApprovalStep(flow, step);
  }
}
