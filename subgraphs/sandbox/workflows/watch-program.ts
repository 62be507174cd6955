import { sleep } from '../../shared/time.ts';
import { stopGraceMs } from '../domain/job-deadline.ts';
import { isEnd } from '../domain/job-state.ts';
import { chunkDelayMs } from '../domain/output.ts';
import { jobReason } from '../domain/job-reason.ts';
import { judge, lost } from '../domain/verdict.ts';
import type { AttemptSight } from '../providers/runner.ts';
import { endUnseen } from '../store/finish-job.ts';
import { moveJob } from '../store/move-job.ts';
import { holdStart } from '../store/postpone-job.ts';
import { endProgram, markStarted, sampleUsage } from '../store/program.ts';
import { recordSecurity } from '../store/security.ts';
import type { Flow } from './flow.ts';
import { isNoAnswer, sandboxActor, writing } from './flow.ts';
import { Post } from './post.ts';
import type { Postponed } from './postpone.ts';
import { readOutput } from './read-output.ts';
import type { Refused } from './start-program.ts';
import { refusalOf } from './start-program.ts';

export type Watched =
  /** The program has ended and that is written down. */
  | { readonly kind: 'ended' }
  /** The job is being stopped and nothing runs. */
  | { readonly kind: 'stopped' }
  /** It did not start in time, or is not there and was not seen to run. */
  | { readonly kind: 'not-started' }
  /** Somebody else has ended the job, or begun its next attempt. */
  | { readonly kind: 'over' }
  /** It is here, but what it needs is in use. */
  | Postponed
  | Refused;

/**
 * Watches a program until it has ended, and writes down what is seen as it is
 * seen: that it starts and runs, what it prints and uses, how it ended.
 *
 * Everything it needs to go on is in the rows, so it can stop anywhere and begin
 * again, here or elsewhere. A job that is being cancelled has its program
 * stopped. While the runner or the tables do not answer it keeps asking.
 */
export async function watchProgram(flow: Flow): Promise<Watched> {
  const { run, deps } = flow;
  const { retryMs, retryMsMax } = deps.pace;
  using post = new Post(flow);
  for (let failures = 0; ;) {
    run.signal.throwIfAborted();
    try {
      const seen = await lookOnce(flow, post);
      if (seen) return seen;
      failures = 0;
    } catch (err) {
      run.signal.throwIfAborted();
      if (!isNoAnswer(err)) throw err;
      if (post.isStartOverdue()) return { kind: 'not-started' };
      run.log.warn({ err, ...flow.ref }, 'a program cannot be seen at the moment');
      await sleep(Math.min(retryMsMax, retryMs * 2 ** Math.min(failures, 20)), run.signal);
      failures += 1;
      post.forget();
    }
  }
}

/** One look at the job and at the program, and what follows. Undefined: go on watching. */
async function lookOnce(flow: Flow, post: Post): Promise<Watched | undefined> {
  const { job } = await post.look();
  if (job.attempt !== flow.ref.attempt || isEnd(job.state)) return { kind: 'over' };
  if (job.state === 'COLLECTING') return { kind: 'ended' };

  const sight = await flow.deps.runner.look(flow.ref, { signal: flow.run.signal });
  switch (sight.kind) {
    case 'absent':
      return onAbsent(flow, post);
    case 'starting':
      return onStarting(flow, post, sight);
    case 'refused':
      return post.isCancelling() ? { kind: 'stopped' } : refusalOf(flow, sight);
    case 'running':
      await onRunning(flow, post, sight);
      return undefined;
    case 'ended':
      return onEnded(flow, post, sight);
    case 'lost':
      return onLost(flow, post, sight);
  }
}

async function onAbsent(flow: Flow, post: Post): Promise<Watched> {
  const { deps, ref } = flow;
  if (post.startedAt === null) return { kind: post.isCancelling() ? 'stopped' : 'not-started' };
  await writing(flow, (tx) => endUnseen(tx, ref, lost, sandboxActor, deps.clock.now()));
  return { kind: 'ended' };
}

/** How long before its deadline a start that a queue holds back is given more time. */
const heldMarginMs = 45_000;

async function onStarting(
  flow: Flow,
  post: Post,
  { pulling, held }: AttemptSight & { kind: 'starting' },
): Promise<Watched | undefined> {
  const { run, deps, ref } = flow;
  if (post.isCancelling()) {
    // What started in this very moment is ended by it as well, and was cancelled anyhow.
    await deps.runner.remove(ref, { signal: run.signal });
    return { kind: 'stopped' };
  }
  const isTold = post.job.reasonCode === 'WAITING_FOR_CLUSTER';
  if (held?.by === 'QUEUE' && (!isTold || post.isDeadlineNear(heldMarginMs))) {
    const reason = jobReason('WAITING_FOR_CLUSTER', held.message);
    const mayWait = await writing(flow, (tx) => holdStart(tx, ref, reason, deps.clock.now()));
    if (!mayWait) return { kind: 'not-started' };
    post.forget();
    return undefined;
  }
  if (post.isStartOverdue()) {
    return held?.by === 'ROOM'
      ? { kind: 'postponed', message: held.message }
      : { kind: 'not-started' };
  }
  if (pulling && post.job.state === 'CREATING') {
    const wish = { to: 'PULLING', by: sandboxActor, at: deps.clock.now() } as const;
    await writing(flow, (tx) => moveJob(tx, ref.jobId, { ...wish, attempt: ref.attempt }));
    post.forget();
    return undefined;
  }
  await post.wait('starting', deps.pace.lookMs);
  return undefined;
}

/** Writes down that the program runs, and what holds it. */
async function started(flow: Flow, startedAt: Date, at: Date): Promise<void> {
  const { run, deps, ref } = flow;
  const held = await deps.runner.security(ref, { signal: run.signal });
  await writing(flow, async (tx) => {
    await markStarted(tx, ref, startedAt, sandboxActor, at);
    if (held) await recordSecurity(tx, ref, held);
  });
}

async function onRunning(
  flow: Flow,
  post: Post,
  sight: AttemptSight & { kind: 'running' },
): Promise<void> {
  const { run, deps, ref } = flow;
  const now = deps.clock.now();
  if (post.startedAt === null) {
    await started(flow, sight.startedAt, now);
    post.forget();
    return;
  }
  if (post.isCancelling() || post.isOverdue(stopGraceMs)) {
    await deps.runner.stop(ref, { graceMs: stopGraceMs }, { signal: run.signal });
  }
  if (post.isSampleDue()) {
    await writing(flow, (tx) => sampleUsage(tx, ref, sight.usage));
    post.sampled();
  }
  const read = await readOutput(flow, post);
  if (read === 'more') return;
  if (read === 'wrote') await post.waitForEnd(chunkDelayMs);
  else await post.wait('running', deps.pace.lookMs);
}

async function onEnded(
  flow: Flow,
  post: Post,
  sight: AttemptSight & { kind: 'ended' },
): Promise<Watched> {
  const { deps, ref } = flow;
  if (post.startedAt === null) {
    await started(flow, sight.startedAt, deps.clock.now());
  }
  while ((await readOutput(flow, post)) !== 'ended') flow.run.signal.throwIfAborted();
  const { startedAt, finishedAt, usage } = sight;
  const { exitCode, signal } = sight.verdict;
  // Whoever stopped it had a reason that stands in the row.
  post.forget();
  await post.look();
  const verdict = judge(sight.verdict, { overdue: post.isOverdue(0) && !post.isCancelling() });
  const { cpuMs, memoryPeakBytes } = usage;
  const over = { verdict, exitCode, signal, startedAt, finishedAt, cpuMs, memoryPeakBytes };
  await writing(flow, (tx) => endProgram(tx, ref, over, sandboxActor, deps.clock.now()));
  return { kind: 'ended' };
}

async function onLost(
  flow: Flow,
  post: Post,
  { startedAt, lastSeenAt, usage }: AttemptSight & { kind: 'lost' },
): Promise<Watched> {
  const { deps, ref } = flow;
  while ((await readOutput(flow, post)) !== 'ended') flow.run.signal.throwIfAborted();
  const { cpuMs, memoryPeakBytes } = usage;
  const over = { verdict: lost, exitCode: null, signal: null, startedAt, finishedAt: lastSeenAt };
  await writing(flow, (tx) =>
    endProgram(tx, ref, { ...over, cpuMs, memoryPeakBytes }, sandboxActor, deps.clock.now()),
  );
  return { kind: 'ended' };
}
