import type { Run } from '../../shared/workflow.ts';
import { defineWorkflow } from '../../shared/workflow.ts';
import { jobReason } from '../domain/job-reason.ts';
import { broken } from '../domain/verdict.ts';
import { endUnseen, failUnstarted, finishJob } from '../store/finish-job.ts';
import { moveJob } from '../store/move-job.ts';
import type { AttemptRef } from '../store/program.ts';
import { awaitSettlement } from './await-settlement.ts';
import { collectArtifacts } from './collect-artifacts.ts';
import type { SandboxDeps } from './deps.ts';
import type { Flow } from './flow.ts';
import { sandboxActor } from './flow.ts';
import { giveUpStart } from './give-up.ts';
import { postpone } from './postpone.ts';
import { failRefused, startProgram } from './start-program.ts';
import { tidyUp } from './tidy-up.ts';
import { watchProgram } from './watch-program.ts';

/**
 * Takes one attempt of a job from its admission to its end, or back to the queue.
 *
 * The job's row is the truth: each part reads where the job stands and writes
 * what is new of it, under the row's lock, so that any part may be done twice,
 * by two processes at once, or after somebody else has ended the job.
 *
 * | a crash | after it |
 * |---|---|
 * | before `start` | the program is started once |
 * | in `start`, or before its answer is recorded | it is asked for again under the same key: the runner answers with the program that is there |
 * | in `watch`, while output is read | reading goes on at the saved position |
 * | in `watch`, between reading output and writing it | it was not written: it is read again |
 * | in `watch`, while the program is stopped | CANCELLING is in the row: it is stopped again |
 * | in `watch`, after the program's end | its end is read from the runner again, or is in the row |
 * | in `collect` | files that are kept stay, the others are collected |
 * | in `settle` | billing's answer is in the attempt's row |
 * | in `finish` | the end is one transaction: it is there, or it is done |
 * | in `clear`, or before `postponed` | what is left on the runner is removed again, then the job is put back in line |
 * | before or in `tidy` | what is left on the runner is removed; what is gone is tidy |
 *
 * A bug in a part ends the job with INTERNAL instead of leaving it to its
 * deadline. The names of the operations are data: runs may wait on them.
 */
export const runJob = defineWorkflow<AttemptTurn, SandboxDeps>('sandbox.run-job', carryOut);

/** An attempt, and how often it was postponed before. */
export type AttemptTurn = AttemptRef & { readonly turn?: number };

/** The id of the run of an attempt's turn: a second start of it is none. */
export function runIdOf({ jobId, attempt, turn = 0 }: AttemptTurn): string {
  return `${jobId}:${String(attempt)}${turn === 0 ? '' : `:${String(turn)}`}`;
}

/** The body of the workflow. */
export async function carryOut(
  run: Run,
  { jobId, attempt, turn = 0 }: AttemptTurn,
  deps: SandboxDeps,
): Promise<void> {
  const flow: Flow = { run, deps, ref: { jobId, attempt }, turn };
  try {
    if ((await bringToItsEnd(flow)) === 'postponed') return;
  } catch (cause) {
    if (run.signal.aborted) throw cause;
    run.log.error({ err: cause, ...flow.ref }, 'the run of a job broke');
    await run.tx('broken', (tx) => endBroken(tx, flow));
  }
  await run.step('tidy', () => tidyUp(flow), once);
}

/** The parts ask again by themselves, for as long as it makes sense. */
const once = { attemptsMax: 1 };

async function bringToItsEnd(flow: Flow): Promise<'ended' | 'postponed'> {
  const { run, deps, ref } = flow;
  const at = () => deps.clock.now();
  const begun = await run.tx('begin', async (tx) => {
    const wish = { to: 'CREATING', by: sandboxActor, at: at(), attempt: ref.attempt } as const;
    return (await moveJob(tx, ref.jobId, wish)).outcome;
  });
  if (begun === 'over') return 'ended';

  const started = await run.step('start', () => startProgram(flow), once);
  if (started.kind === 'refused') {
    await run.tx('refused', (tx) => failRefused(tx, flow, started));
    return 'ended';
  }
  const seen =
    started.kind === 'postponed'
      ? started
      : await run.step('watch', () => watchProgram(flow), once);
  if (seen.kind === 'postponed') {
    await postpone(flow, seen);
    return 'postponed';
  }
  if (seen.kind === 'refused') await run.tx('refused', (tx) => failRefused(tx, flow, seen));
  if (seen.kind === 'not-started') await giveUpStart(flow);
  if (seen.kind === 'ended') {
    await run.step('collect', () => collectArtifacts(flow), once);
    await run.step('settle', () => awaitSettlement(flow), once);
  }
  await run.tx('finish', (tx) => finishJob(tx, ref, sandboxActor, at()));
  return 'ended';
}

/** Ends the job with what is known of it. Its program is removed afterwards. */
async function endBroken(tx: Parameters<typeof finishJob>[0], { deps, ref }: Flow): Promise<void> {
  const at = deps.clock.now();
  await endUnseen(tx, ref, broken, sandboxActor, at);
  await finishJob(tx, ref, sandboxActor, at);
  await failUnstarted(tx, ref, jobReason('INTERNAL'), sandboxActor, at);
}
