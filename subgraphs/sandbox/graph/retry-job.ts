import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
} from 'type-graphql';
import { IdempotencyKeyReused, NotFoundRefusal, Refusal } from '../../shared/graph.ts';
import { isId } from '../../shared/ids.ts';
import { decideRetry } from '../domain/retry.ts';
import { findJob, specOf } from '../store/jobs.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { queueOnce, QuotaExceeded, SandboxClosed } from './queue-job.ts';

@InputType('RetryJobInput')
export class RetryJobInput {
  @Field(() => ID) id!: string;
  @Field(() => String) idempotencyKey!: string;
}

@ObjectType('RetryJobSuccess')
export class RetryJobSuccess {
  @Field(() => Job, { description: 'A new job with the same spec; see Job.retryOf.' }) job!: Job;
  @Field(() => Boolean) replayed!: boolean;
}

@ObjectType('RetryRefused', {
  implements: Refusal,
  description: 'The job is not one that can be run again.',
})
export class RetryRefused extends Refusal {
  @Field(() => Job) job!: Job;
}

export const RetryJobResult = createUnionType({
  name: 'RetryJobResult',
  types: () =>
    [
      RetryJobSuccess,
      RetryRefused,
      QuotaExceeded,
      SandboxClosed,
      NotFoundRefusal,
      IdempotencyKeyReused,
    ] as const,
});

@Resolver()
export class RetryJobResolver {
  @Authorized('sandbox:write')
  @Mutation(() => RetryJobResult, {
    description: 'Runs the spec of a job that ended without success again, as a new job.',
  })
  async retryJob(
    @Arg('input', () => RetryJobInput) { id, idempotencyKey: key }: RetryJobInput,
    @Ctx() ctx: Context,
  ): Promise<typeof RetryJobResult> {
    const row = isId('job', id) ? await ctx.db.tx((tx) => findJob(tx, id)) : null;
    if (!row) return NotFoundRefusal.of('Job');
    // A job that ended never changes again, so what is decided here stays true.
    const decision = decideRetry(row.state);
    if (decision.kind === 'rejected') {
      const fields = { code: 'RETRY_REFUSED', message: decision.message, job: Job.of(row) };
      return Object.assign(new RetryRefused(), fields);
    }
    const call = { operation: 'retryJob', key, input: { id } };
    const queued = await queueOnce(ctx, call, async (tx) => ({
      spec: await specOf(tx, row),
      retryOf: id,
    }));
    return 'job' in queued ? Object.assign(new RetryJobSuccess(), queued) : queued;
  }
}
