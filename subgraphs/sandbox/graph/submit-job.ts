import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
} from 'type-graphql';
import { IdempotencyKeyReused } from '../../shared/graph.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import { decideSpec } from '../domain/job-spec.ts';
import type { Context } from './context.ts';
import { JobSpecInput, JobSpecInvalid } from './job-spec-input.ts';
import { Job } from './job.ts';
import { queueOnce, QuotaExceeded, SandboxClosed } from './queue-job.ts';

@InputType('SubmitJobInput')
export class SubmitJobInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => JobSpecInput) spec!: JobSpecInput;
}

@ObjectType('SubmitJobSuccess')
export class SubmitJobSuccess {
  @Field(() => Job) job!: Job;
  @Field(() => Boolean, { description: 'Whether an earlier call with this key submitted the job.' })
  replayed!: boolean;
}

export const SubmitJobResult = createUnionType({
  name: 'SubmitJobResult',
  types: () =>
    [SubmitJobSuccess, JobSpecInvalid, QuotaExceeded, SandboxClosed, IdempotencyKeyReused] as const,
});

@Resolver()
export class SubmitJobResolver {
  @Authorized('sandbox:write')
  @Mutation(() => SubmitJobResult, {
    description: 'Queues a job. It takes its time: subscribe to jobEvents.',
  })
  async submitJob(
    @Arg('input', () => SubmitJobInput) { idempotencyKey, spec }: SubmitJobInput,
    @Ctx() ctx: Context,
  ): Promise<typeof SubmitJobResult> {
    const decision = decideSpec(spec);
    if (decision.kind === 'rejected') return JobSpecInvalid.of(decision.problems);
    const call = { operation: 'submitJob', key: idempotencyKey, input: decision.spec };
    const queued = await queueOnce(ctx, call, () =>
      Promise.resolve({ spec: decision.spec satisfies JobSpec, retryOf: null }),
    );
    return 'job' in queued ? Object.assign(new SubmitJobSuccess(), queued) : queued;
  }
}
