import { Ctx, Field, FieldResolver, Int, ObjectType, Resolver, Root } from 'type-graphql';
import { Float } from 'type-graphql';
import { ListSize, DateTime } from '../../shared/graph.ts';
import { jobReason } from '../domain/job-reason.ts';
import { jobUse } from '../domain/usage.ts';
import type { AttemptRow } from '../store/rows.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { JobSecurityProfile } from './job-security.ts';
import { attemptsByJob } from './loaders.ts';
import { JobReason } from './words.ts';

@ObjectType('JobAttempt', {
  description: 'One try to run a job. There is another one only if nothing of it ran.',
})
export class JobAttempt {
  @Field(() => Int, { description: 'From 1.' }) number!: number;
  @Field(() => DateTime) createdAt!: Date;
  @Field(() => DateTime, { nullable: true, description: 'When its program started, if it did.' })
  startedAt!: Date | null;
  @Field(() => DateTime, { nullable: true }) finishedAt!: Date | null;
  @Field(() => Int, { nullable: true }) exitCode!: number | null;
  @Field(() => String, { nullable: true, description: 'The signal that ended it, as in SIGKILL.' })
  signal!: string | null;
  @Field(() => JobReason, {
    nullable: true,
    description: 'Why it ended, if not by itself and well.',
  })
  reason!: JobReason | null;
  @Field(() => JobSecurityProfile, { nullable: true, description: 'Null until it started.' })
  security!: JobSecurityProfile | null;

  static of(row: AttemptRow): JobAttempt {
    const { attempt: number, createdAt, startedAt, finishedAt, exitCode, signal } = row;
    const reason = row.verdictCode && jobReason(row.verdictCode, row.verdictDetails);
    return Object.assign(new JobAttempt(), {
      ...{ number, createdAt, startedAt, finishedAt, exitCode, signal },
      reason: JobReason.of(reason),
      security: JobSecurityProfile.of(row.security),
    });
  }
}

@ObjectType('JobUsage', {
  description: 'What a job has used until now, over all its attempts. It is billed from this.',
})
export class JobUsage {
  @Field(() => Int, { description: 'Set aside for it.' }) cpuMillicores!: number;
  @Field(() => Int, { description: 'Set aside for it.' }) memoryMib!: number;
  @Field(() => Int, { description: 'Wall time from its program’s start to its end, or until now.' })
  billableMs!: number;
  @Field(() => Int, { description: 'Processor time that it took.' }) cpuMs!: number;
  @Field(() => Float, { description: 'The most memory it had at once.' }) memoryPeakBytes!: number;
}

@Resolver(() => Job)
export class JobAttemptsResolver {
  @ListSize(2)
  @FieldResolver(() => [JobAttempt])
  async attempts(@Root() job: Job, @Ctx() ctx: Context): Promise<JobAttempt[]> {
    return ((await ctx.load(attemptsByJob, job.id)) ?? []).map((row) => JobAttempt.of(row));
  }

  @FieldResolver(() => JobUsage, { nullable: true, description: 'Null until its program started.' })
  async usage(@Root() { id, row }: Job, @Ctx() ctx: Context): Promise<JobUsage | null> {
    const use = jobUse((await ctx.load(attemptsByJob, id)) ?? [], ctx.clock.now());
    const { cpuMillicores, memoryMib } = row;
    return use && Object.assign(new JobUsage(), { cpuMillicores, memoryMib, ...use });
  }
}
