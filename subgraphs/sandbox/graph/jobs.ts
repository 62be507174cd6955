import { Arg, Args, Authorized, Ctx, Field, ID, InputType, Query, Resolver } from 'type-graphql';
import { isId } from '../../shared/ids.ts';
import type { ConnectionValue } from '../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../shared/pagination.ts';
import type { JobState } from '../domain/job-state.ts';
import { findJob, listJobs } from '../store/jobs.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { JobStateEnum } from './words.ts';

@InputType('JobFilter', { description: 'What is left out is not asked for.' })
export class JobFilter {
  @Field(() => [JobStateEnum], { nullable: true }) states?: JobState[] | null;
  @Field(() => ID, { nullable: true }) template?: string | null;
  @Field(() => String, { nullable: true, description: 'Exactly this name.' }) name?: string | null;
}

export const { Connection: JobConnection } = Connection(Job);

/** One page of the tenant's jobs, the newest first. */
export function pageOfJobs(
  ctx: Context,
  args: ConnectionArgs,
  filter: JobFilter | null | undefined,
): Promise<ConnectionValue<Job>> {
  const states = filter?.states ?? undefined;
  const template = filter?.template ?? undefined;
  const name = filter?.name ?? undefined;
  return paginate(
    ctx,
    'jobs',
    args,
    ({ limit, after }) =>
      ctx.db.tx((tx) =>
        listJobs(tx, { states, template, name, limit, beforeId: after?.[0]?.toString() }),
      ),
    (row) => [row.id],
    (row) => Job.of(row),
  );
}

@Resolver()
export class JobsResolver {
  @Authorized('sandbox:read')
  @Query(() => Job, { nullable: true })
  async job(@Arg('id', () => ID) id: string, @Ctx() ctx: Context): Promise<Job | null> {
    if (!isId('job', id)) return null;
    const row = await ctx.db.tx((tx) => findJob(tx, id));
    return row && Job.of(row);
  }

  @Authorized('sandbox:read')
  @Query(() => JobConnection, { description: 'The jobs of the tenant, newest first.' })
  jobs(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => JobFilter, { nullable: true }) filter?: JobFilter | null,
  ): Promise<ConnectionValue<Job>> {
    return pageOfJobs(ctx, args, filter);
  }
}
