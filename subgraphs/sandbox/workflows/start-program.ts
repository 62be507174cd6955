import type { Tx } from '../../shared/db.ts';
import { artifactLimits } from '../domain/artifact.ts';
import { uploadLifeMs } from '../domain/job-deadline.ts';
import type { JobReason } from '../domain/job-reason.ts';
import { jobReason } from '../domain/job-reason.ts';
import { sealUpload } from '../domain/upload-token.ts';
import type { StartOrder, StartRefusal } from '../providers/runner.ts';
import { failUnstarted } from '../store/finish-job.ts';
import { findJob, specOf } from '../store/jobs.ts';
import type { Flow } from './flow.ts';
import { askUntil, sandboxActor, writing } from './flow.ts';
import type { Postponed } from './postpone.ts';

/** What a runner's refusal means for the job. */
export interface Refused {
  readonly kind: 'refused';
  readonly reason: JobReason;
}

/**
 * Has the runner start the program, asking again under the same key for as long
 * as the job may be created. `postponed` when the runner has no room now. `unclear` when there was no answer in that time, or
 * the job is not to be started any more: whoever watches finds out what is there.
 */
export async function startProgram(
  flow: Flow,
): Promise<{ readonly kind: 'started' | 'unclear' } | Postponed | Refused> {
  const { run, deps, ref } = flow;
  const order = await askUntil(flow, endOfTime, () =>
    writing(flow, async (tx) => {
      const job = await findJob(tx, ref.jobId);
      if (job?.state !== 'CREATING' || job.attempt !== ref.attempt) return undefined;
      const until = job.deadlineAt ?? deps.clock.now();
      return { until, order: orderOf(flow, job.tenantId, await specOf(tx, job)) };
    }),
  );
  if (!order) return { kind: 'unclear' };

  const call = { signal: run.signal };
  const answer = await askUntil(flow, order.until, () => deps.runner.start(order.order, call));
  if (!answer) return { kind: 'unclear' };
  if (answer.kind === 'refused') return refusalOf(flow, answer);
  if (answer.kind === 'postponed') return answer;
  return { kind: 'started' };
}

/** Our own tables are waited for: nothing can be decided without them. */
const endOfTime = new Date(8_640_000_000_000_000);

function orderOf(
  { deps, ref: key }: Flow,
  tenantId: string,
  spec: Omit<StartOrder, 'key' | 'tenantId'>,
): StartOrder {
  const { template, source, args, env, timeoutSeconds, cpuMillicores, memoryMib } = spec;
  const order = { key, tenantId, template, source, args, env, timeoutSeconds };
  const asked = { ...order, cpuMillicores, memoryMib };
  if (deps.runner.collects !== 'by-upload') return asked;
  const expiresAt = new Date(deps.clock.now().getTime() + uploadLifeMs(spec));
  const grant = { tenant: tenantId, ...key, expiresAt, ...artifactLimits };
  return { ...asked, uploadToken: sealUpload(deps.uploadKey, grant) };
}

/** A refusal in public words. What the runner says is for operators, except what to do about it. */
export async function refusalOf(
  { run, deps, ref }: Pick<Flow, 'run' | 'deps' | 'ref'>,
  { reason, message }: StartRefusal,
): Promise<Refused> {
  run.log.error({ ...ref, reason, message }, 'the runner refused a program');
  return { kind: 'refused', reason: jobReason(reason, await whatToDo({ run, deps }, reason)) };
}

async function whatToDo(
  { run, deps }: Pick<Flow, 'run' | 'deps'>,
  reason: StartRefusal['reason'],
): Promise<string | undefined> {
  if (reason !== 'RUNNER_UNAVAILABLE') return undefined;
  try {
    const check = await deps.runner.check({ signal: run.signal });
    return check.kind === 'unavailable' ? check.message : undefined;
  } catch {
    run.signal.throwIfAborted();
    return undefined;
  }
}

export async function failRefused(tx: Tx, { deps, ref }: Flow, { reason }: Refused): Promise<void> {
  await failUnstarted(tx, ref, reason, sandboxActor, deps.clock.now());
}
