import {
  Args,
  Arg,
  Authorized,
  Ctx,
  Directive,
  Field,
  Float,
  ID,
  Int,
  ObjectType,
  Query,
  Resolver,
} from 'type-graphql';
import type { ConnectionValue } from '../../shared/pagination.ts';
import { ConnectionArgs } from '../../shared/pagination.ts';
import { countQueued, findQuota, readLoad } from '../store/queue.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { JobConnection, JobFilter, pageOfJobs } from './jobs.ts';

@ObjectType('SandboxLimit', {
  description: 'How much there may be at once, and how much there is.',
})
export class SandboxLimit {
  @Field(() => Int) max!: number;
  @Field(() => Int) used!: number;

  static of(max: number, used: number): SandboxLimit {
    return Object.assign(new SandboxLimit(), { max, used });
  }
}

@ObjectType('SandboxQuota', { description: 'What the jobs of a tenant may take, and take now.' })
export class SandboxQuota {
  @Field(() => SandboxLimit, { description: 'Jobs that have their turn.' })
  concurrent!: SandboxLimit;
  @Field(() => SandboxLimit, { description: 'Jobs that wait.' }) queued!: SandboxLimit;
  @Field(() => SandboxLimit) cpuMillicores!: SandboxLimit;
  @Field(() => SandboxLimit) memoryMib!: SandboxLimit;
  @Field(() => Float, { description: 'Twice the weight gets twice the turns when both wait.' })
  weight!: number;
}

async function quotaOf(ctx: Context): Promise<SandboxQuota> {
  const [quota, load, queued] = await ctx.db.tx(async (tx) => [
    await findQuota(tx),
    await readLoad(tx),
    await countQueued(tx),
  ]);
  return Object.assign(new SandboxQuota(), {
    concurrent: SandboxLimit.of(quota.concurrentMax, load.jobs),
    queued: SandboxLimit.of(quota.queuedMax, queued),
    cpuMillicores: SandboxLimit.of(quota.cpuMillicoresMax, load.cpuMillicores),
    memoryMib: SandboxLimit.of(quota.memoryMibMax, load.memoryMib),
    weight: quota.weight,
  });
}

@Directive('@key(fields: "id")')
@ObjectType('Tenant')
export class Tenant {
  @Field(() => ID) id!: string;

  @Authorized('sandbox:read')
  @Field(() => SandboxQuota)
  sandboxQuota(@Ctx() ctx: Context): Promise<SandboxQuota> {
    return quotaOf(ctx);
  }

  @Authorized('sandbox:read')
  @Field(() => JobConnection)
  jobs(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => JobFilter, { nullable: true }) filter?: JobFilter | null,
  ): Promise<ConnectionValue<Job>> {
    return pageOfJobs(ctx, args, filter);
  }

  static of(id: string): Tenant {
    return Object.assign(new Tenant(), { id });
  }
}

@Resolver()
export class SandboxQuotaResolver {
  @Authorized('sandbox:read')
  @Query(() => SandboxQuota)
  sandboxQuota(@Ctx() ctx: Context): Promise<SandboxQuota> {
    return quotaOf(ctx);
  }
}
