import {
  Arg,
  Args,
  Authorized,
  Ctx,
  FieldResolver,
  ID,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { ClassType } from 'type-graphql';
import { notFound } from '../../shared/errors.ts';
import type { StoredEvent } from '../../shared/events.ts';
import { readEvents } from '../../shared/events.ts';
import { Cursor } from '../../shared/graph.ts';
import { isId } from '../../shared/ids.ts';
import type { ConnectionValue } from '../../shared/pagination.ts';
import { checkPageSize, Connection, ConnectionArgs, pageInfo } from '../../shared/pagination.ts';
import type { JobFact } from '../domain/job-fact.ts';
import { jobStream } from '../store/facts.ts';
import { findJob } from '../store/jobs.ts';
import type { Context } from './context.ts';
import { JobEvent, jobEventOf } from './job-event.ts';
import { Job } from './job.ts';

export const { Connection: JobEventConnection } = Connection(
  JobEvent as ClassType<JobEvent>,
  'JobEvent',
);

@Resolver(() => Job)
export class JobEventsOfJobResolver {
  @Authorized('sandbox:read')
  @FieldResolver(() => JobEventConnection, {
    description: 'What happened in it, oldest first. The cursors are those of jobEvents.',
  })
  async events(
    @Root() { id }: Job,
    @Args(() => ConnectionArgs) { first, after }: ConnectionArgs,
    @Ctx() ctx: Context,
  ): Promise<ConnectionValue<JobEvent>> {
    checkPageSize(first);
    const stream = jobStream(id);
    const seq = after == null ? 0 : ctx.events.seqOf(stream, after);
    const found = await ctx.db.tx((tx) => readEvents(tx, stream, seq, first + 1));
    const edges = found.slice(0, first).map((event) => {
      const node = jobEventOf(event, ctx);
      return { node, cursor: node.cursor };
    });
    return { edges, pageInfo: pageInfo(edges, found.length > first, after != null) };
  }
}

@Resolver()
export class JobEventsResolver {
  @Authorized('sandbox:read')
  @Subscription(() => JobEvent, {
    description:
      'Everything that happened in a job after the cursor (from its start without one), then live. Ends after JobFinished.',
    subscribe: async ({ args, context }: { args: JobEventsArgs; context: Context }) => {
      const { jobId, after } = args;
      const job = isId('job', jobId) ? await context.db.tx((tx) => findJob(tx, jobId)) : null;
      if (!job) throw notFound('Job');
      return context.events.follow(jobStream(jobId), {
        ...(after == null ? {} : { after }),
        endsAfter: ({ type }) => type === ('job.finished' satisfies JobFact['type']),
      });
    },
  })
  jobEvents(
    @Root() event: StoredEvent,
    @Ctx() ctx: Context,
    @Arg('jobId', () => ID) _jobId: string,
    @Arg('after', () => Cursor, { nullable: true }) _after?: string,
  ): JobEvent {
    return jobEventOf(event, ctx);
  }
}

interface JobEventsArgs {
  readonly jobId: string;
  readonly after?: string | null;
}
