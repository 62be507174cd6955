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
import { once } from '../../shared/idempotency.ts';
import { isId } from '../../shared/ids.ts';
import { cancelJob } from '../store/cancel-job.ts';
import { findJob } from '../store/jobs.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { boundedText } from './words.ts';

@InputType('CancelJobInput')
export class CancelJobInput {
  @Field(() => ID) id!: string;
  @Field(() => String, { nullable: true, description: 'At most 500 characters.' })
  reason?: string | null;
  @Field(() => String) idempotencyKey!: string;
}

@ObjectType('CancelJobSuccess')
export class CancelJobSuccess {
  @Field(() => Job, { description: 'It ends CANCELLED once nothing of it runs any more.' })
  job!: Job;
  @Field(() => Boolean) replayed!: boolean;
}

@ObjectType('JobAlreadyOver', {
  implements: Refusal,
  description: 'The job had ended before it could be cancelled. Its end stays as it is.',
})
export class JobAlreadyOver extends Refusal {
  @Field(() => Job) job!: Job;
}

export const CancelJobResult = createUnionType({
  name: 'CancelJobResult',
  types: () => [CancelJobSuccess, JobAlreadyOver, NotFoundRefusal, IdempotencyKeyReused] as const,
});

const reasonLengthMax = 500;

@Resolver()
export class CancelJobResolver {
  @Authorized('sandbox:write')
  @Mutation(() => CancelJobResult, {
    description: 'Stops a job. One that is being stopped already is left as it is.',
  })
  async cancelJob(
    @Arg('input', () => CancelJobInput) input: CancelJobInput,
    @Ctx() ctx: Context,
  ): Promise<CancelJobSuccess | JobAlreadyOver | NotFoundRefusal | IdempotencyKeyReused> {
    const { id, idempotencyKey: key } = input;
    const why = boundedText('reason', input.reason ?? '', reasonLengthMax);
    const call = { operation: 'cancelJob', key, input: { id, why } };
    const outcome = await once(ctx, call, async (tx) => {
      if (!isId('job', id) || !(await findJob(tx, id))) return 'not-found';
      return cancelJob(tx, id, why, ctx.actor, ctx.clock.now());
    });
    if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);

    const row = outcome.value === 'not-found' ? null : await ctx.db.tx((tx) => findJob(tx, id));
    if (!row) return NotFoundRefusal.of('Job');
    const job = Job.of(row);
    if (outcome.value === 'over') {
      const message = `The job ${id} ended ${row.state} already.`;
      return Object.assign(new JobAlreadyOver(), { code: 'JOB_ALREADY_OVER', message, job });
    }
    return Object.assign(new CancelJobSuccess(), { job, replayed: outcome.replayed });
  }
}
