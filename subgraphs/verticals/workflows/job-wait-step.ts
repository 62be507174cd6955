import type { Tx } from '../../shared/db.ts';
import type { JobEnd } from '../domain/job-end.ts';
import { decideAfterJob } from '../domain/job-end.ts';
import type { JobWaitStep } from '../domain/playbook.ts';
import { jobEndOf, jobOfStep, recordJobEnd } from '../store/run-jobs.ts';
import { wishRun } from '../store/runs.ts';
import { changeStep } from '../store/steps.ts';
import { grown } from './deps.ts';
import type { Course, Flow } from './flow.ts';
import { stopRun, wakeTopic } from './flow.ts';

/**
 * Waits until the job of an earlier step has ended.
 *
 * The end arrives as a message that wakes the run. A message that came before
 * the run knew its job found nobody, so the first look asks the graph as well;
 * later questions, ever rarer, cover messages that never come.
 */
export async function takeJobWaitStep(flow: Flow, step: JobWaitStep): Promise<Course> {
  const { run, deps } = flow;
  const job = await run.tx(`${step.name}:begin`, (tx) => begin(tx, flow, step));
  if (job === null) return 'stop';

  let ask = true;
  for (let turn = 1; ; turn += 1) {
    const seen = await run.tx(`${step.name}:look#${String(turn)}`, (tx) =>
      look(tx, flow, step, job.lateAtMs),
    );
    if (seen.course !== 'wait') return seen.course;
    if (ask && (await askForEnd(flow, step, job.jobId, turn))) continue;
    const waitMs = Math.min(grown(deps.pace.askMs, deps.pace.askMsMax, turn), seen.leftMs);
    ask = (await run.wait(wakeTopic, waitMs)) === undefined;
  }
}

type AwaitedJob = { readonly jobId: string; readonly lateAtMs: number };

async function begin(tx: Tx, flow: Flow, step: JobWaitStep): Promise<AwaitedJob | null> {
  const at = flow.deps.clock.now();
  const { outcome } = await wishRun(tx, flow.run.id, { kind: 'await-job' }, flow.by, at);
  if (outcome === 'stopping' || outcome === 'over') return null;
  const job = await jobOfStep(tx, flow.run.id, step.submittedBy);
  if (!job) {
    const message = `Step ${step.name} has no job to wait for.`;
    await stopRun(tx, flow, { code: 'INTERNAL', message }, at);
    return null;
  }
  await changeStep(tx, flow.run.id, step.name, { state: 'WAITING', attempts: 1 }, at);
  return { jobId: job.jobId, lateAtMs: at.getTime() + step.waitSecondsMax * 1_000 };
}

type Seen = { readonly course: Course } | { readonly course: 'wait'; readonly leftMs: number };

async function look(tx: Tx, flow: Flow, step: JobWaitStep, lateAtMs: number): Promise<Seen> {
  const at = flow.deps.clock.now();
  const { run, outcome } = await wishRun(tx, flow.run.id, { kind: 'await-job' }, flow.by, at);
  if (outcome === 'stopping' || outcome === 'over') return { course: 'stop' };
  const job = await jobOfStep(tx, run.id, step.submittedBy);
  const end = job ? jobEndOf(job) : undefined;
  if (!job || !end) {
    const leftMs = lateAtMs - at.getTime();
    if (leftMs > 0) return { course: 'wait', leftMs };
    await changeStep(tx, run.id, step.name, { state: 'FAILED' }, at);
    const message = `The job did not end within ${String(step.waitSecondsMax)} seconds.`;
    return { course: await stopRun(tx, flow, { code: 'JOB_LATE', message }, at) };
  }
  const decision = decideAfterJob(job.jobId, end);
  if (decision.kind === 'stop') {
    await changeStep(tx, run.id, step.name, { state: 'FAILED', output: outputOf(end) }, at);
    return { course: await stopRun(tx, flow, decision.reason, at) };
  }
  await changeStep(tx, run.id, step.name, { state: 'SUCCEEDED', output: outputOf(end) }, at);
  await wishRun(tx, run.id, { kind: 'work' }, flow.by, at);
  return { course: 'go-on' };
}

/** Asks the graph how the job ended; true when that is now written down. */
async function askForEnd(
  { run, playbook, deps }: Flow,
  step: JobWaitStep,
  jobId: string,
  turn: number,
): Promise<boolean> {
  const employee = { tenant: run.tenant, id: playbook.employee, scopes: playbook.scopes };
  const end = await run.step(
    `${step.name}:ask#${String(turn)}`,
    async (): Promise<{
      state: string;
      reasonCode: string | null;
      exitCode: number | null;
    } | null> => {
      try {
        return (await deps.graph.jobEnd(employee, jobId)) ?? null;
      } catch (cause) {
        if (run.signal.aborted) throw cause;
        run.log.warn({ err: cause, jobId }, 'no answer about a job; waiting for its message');
        return null;
      }
    },
    { attemptsMax: 1 },
  );
  if (end === null) return false;
  await run.tx(`${step.name}:heard#${String(turn)}`, async (tx) => {
    await recordJobEnd(tx, jobId, end, deps.clock.now());
  });
  return true;
}

function outputOf({ state, reasonCode, exitCode }: JobEnd) {
  return { state, reasonCode, exitCode };
}
