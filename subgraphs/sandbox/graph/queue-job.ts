import { ObjectType } from 'type-graphql';
import type { Tx } from '../../shared/db.ts';
import { IdempotencyKeyReused, Refusal } from '../../shared/graph.ts';
import type { KeyedCall } from '../../shared/idempotency.ts';
import { once } from '../../shared/idempotency.ts';
import { decideQueue } from '../domain/quota.ts';
import { findJob, insertJob } from '../store/jobs.ts';
import type { NewJob } from '../store/jobs.ts';
import { countQueued, findQuota, lockSubmits } from '../store/queue.ts';
import { wantRoom } from '../store/rooms.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';

@ObjectType('QuotaExceeded', {
  implements: Refusal,
  description: 'Your quota does not allow the job. Nothing was queued; the key can be used again.',
})
export class QuotaExceeded extends Refusal {
  static of(message: string): QuotaExceeded {
    return Object.assign(new QuotaExceeded(), { code: 'QUOTA_EXCEEDED', message });
  }
}

@ObjectType('SandboxClosed', {
  implements: Refusal,
  description: 'Your sandbox was closed: it takes no jobs any more.',
})
export class SandboxClosed extends Refusal {
  static of(): SandboxClosed {
    const message = 'Your sandbox was closed: it takes no jobs any more.';
    return Object.assign(new SandboxClosed(), { code: 'SANDBOX_CLOSED', message });
  }
}

/**
 * Queues a job once per key, within the tenant's quota.
 *
 * A full queue is no answer to be kept: it takes the whole transaction back, so
 * that the same call may do later.
 */
export async function queueOnce(
  ctx: Context,
  call: KeyedCall,
  what: (tx: Tx) => Promise<Pick<NewJob, 'spec' | 'retryOf'>>,
): Promise<{ job: Job; replayed: boolean } | QuotaExceeded | SandboxClosed | IdempotencyKeyReused> {
  try {
    const outcome = await once(ctx, call, async (tx) => {
      const job = await what(tx);
      if (!(await wantRoom(tx, ctx.clock.now()))) throw new RoomClosed();
      await checkQuota(tx, job);
      return insertJob(tx, { ...job, submittedBy: ctx.actor, at: ctx.clock.now() });
    });
    if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
    const row = await ctx.db.tx((tx) => findJob(tx, outcome.value));
    if (!row) throw new Error(`The job ${outcome.value} of a stored answer is gone.`);
    return { job: Job.of(row), replayed: outcome.replayed };
  } catch (cause) {
    if (cause instanceof RoomClosed) return SandboxClosed.of();
    if (cause instanceof QueueClosed) return QuotaExceeded.of(cause.message);
    throw cause;
  }
}

class QueueClosed extends Error {}
class RoomClosed extends Error {}

/** Submits of one tenant that are under way at once are fewer than this. */
const marginJobs = 200;

async function checkQuota(tx: Tx, { spec }: Pick<NewJob, 'spec'>): Promise<void> {
  const quota = await findQuota(tx);
  let queued = await countQueued(tx);
  if (queued >= quota.queuedMax - marginJobs) {
    // Close to the limit they wait for one another: together they stay within it.
    await lockSubmits(tx);
    queued = await countQueued(tx);
  }
  const decision = decideQueue(quota, queued, spec);
  if (decision.kind === 'rejected') throw new QueueClosed(decision.message);
}
