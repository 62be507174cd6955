import { Ctx, Field, Float, ID, Int, InterfaceType, ObjectType } from 'type-graphql';
import { notFound } from '../../shared/errors.ts';
import type { StoredEvent } from '../../shared/events.ts';
import { ListSize, Cursor, DateTime } from '../../shared/graph.ts';
import type { JobFact } from '../domain/job-fact.ts';
import type { JobState } from '../domain/job-state.ts';
import { jobFactOf } from '../store/facts.ts';
import type { Context } from './context.ts';
import { Artifact } from './job-artifacts.ts';
import { LogLine } from './job-logs.ts';
import { Job } from './job.ts';
import { artifactById, chunkKey, jobById, linesByChunk } from './loaders.ts';
import { JobReason, JobStateEnum } from './words.ts';

@InterfaceType('JobEvent', {
  autoRegisterImplementations: false,
  description: 'Something that happened in a job; seq counts from 1 without gaps.',
})
export abstract class JobEvent {
  @Field(() => ID) jobId!: string;
  @Field(() => Int) seq!: number;
  @Field(() => Cursor, { description: 'Give it as `after` to go on from here.' }) cursor!: string;
  @Field(() => DateTime) at!: Date;
  @Field(() => Int, { nullable: true, description: 'The attempt in which it happened.' })
  attempt!: number | null;

  @Field(() => Job, { description: 'The job as it is now.' })
  async job(@Ctx() ctx: Context): Promise<Job> {
    const row = await ctx.load(jobById, this.jobId);
    if (!row) throw notFound('Job');
    return Job.of(row);
  }
}

@ObjectType('JobStateChanged', { implements: JobEvent })
export class JobStateChanged extends JobEvent {
  @Field(() => JobStateEnum) state!: JobState;
  @Field(() => JobReason, { nullable: true }) reason!: JobReason | null;
}

@ObjectType('JobProgress', {
  implements: JobEvent,
  description: 'The program printed `::progress {"percent":40,"message":"half"}`.',
})
export class JobProgress extends JobEvent {
  @Field(() => Float) percent!: number;
  @Field(() => String, { nullable: true }) message!: string | null;
}

@ObjectType('JobLogAppended', { implements: JobEvent })
export class JobLogAppended extends JobEvent {
  @Field(() => Int) firstLine!: number;
  @Field(() => Int) lastLine!: number;

  @ListSize(50)
  @Field(() => [LogLine], { description: 'Empty once the log is no longer kept.' })
  async lines(@Ctx() ctx: Context): Promise<LogLine[]> {
    const lines = await ctx.load(linesByChunk, chunkKey(this.jobId, this.lastLine));
    return (lines ?? []).map((line) => LogLine.of(line));
  }
}

@ObjectType('JobLogGap', { implements: JobEvent, description: 'Output that was not kept.' })
export class JobLogGap extends JobEvent {
  @Field(() => Float, { nullable: true, description: 'How much, where that is known.' })
  bytes!: number | null;
  @Field(() => String, { description: 'OUTPUT_LIMIT or LOST.' }) why!: string;
}

@ObjectType('JobUsageSampled', {
  implements: JobEvent,
  description: 'What the attempt has used until now. The last one of an attempt is its total.',
})
export class JobUsageSampled extends JobEvent {
  @Field(() => Int) billableMs!: number;
  @Field(() => Int) cpuMs!: number;
  @Field(() => Float) memoryBytes!: number;
  @Field(() => Float) memoryPeakBytes!: number;
}

@ObjectType('JobArtifactAdded', { implements: JobEvent })
export class JobArtifactAdded extends JobEvent {
  artifactId!: string;

  @Field(() => Artifact, { nullable: true, description: 'Null once it is no longer kept.' })
  async artifact(@Ctx() ctx: Context): Promise<Artifact | null> {
    const row = await ctx.load(artifactById, this.artifactId);
    return row ? Artifact.of(row) : null;
  }
}

@ObjectType('JobArtifactRefused', { implements: JobEvent, description: 'A file that is not kept.' })
export class JobArtifactRefused extends JobEvent {
  @Field(() => String) path!: string;
  @Field(() => String, { description: 'For programs.' }) code!: string;
  @Field(() => String, { description: 'For people.' }) message!: string;
}

@ObjectType('JobFinished', { implements: JobEvent, description: 'The last event of a job.' })
export class JobFinished extends JobEvent {
  @Field(() => JobStateEnum) state!: JobState;
  @Field(() => JobReason, { nullable: true }) reason!: JobReason | null;
  @Field(() => Int, { nullable: true }) exitCode!: number | null;
}

/** Everything that implements JobEvent. */
export const jobEventTypes = [
  JobStateChanged,
  JobProgress,
  JobLogAppended,
  JobLogGap,
  JobUsageSampled,
  JobArtifactAdded,
  JobArtifactRefused,
  JobFinished,
];

/** A fact of a job's log as the graph shows it. */
export function jobEventOf(event: StoredEvent, ctx: Context): JobEvent {
  const fact = jobFactOf(event);
  return Object.assign(shapeOf(fact), {
    jobId: event.stream.slice(event.stream.indexOf(':') + 1),
    seq: event.seq,
    cursor: ctx.events.cursor(event.stream, event.seq),
    at: event.at,
    attempt: fact.attempt,
  });
}

function shapeOf(fact: JobFact): JobEvent {
  switch (fact.type) {
    case 'job.state-changed': {
      const { state, reason } = fact;
      return Object.assign(new JobStateChanged(), { state, reason: JobReason.of(reason) });
    }
    case 'job.progress': {
      const { percent, message } = fact;
      return Object.assign(new JobProgress(), { percent, message });
    }
    case 'job.log-appended': {
      const { first: firstLine, last: lastLine } = fact;
      return Object.assign(new JobLogAppended(), { firstLine, lastLine });
    }
    case 'job.log-gap': {
      const { bytes, why } = fact;
      return Object.assign(new JobLogGap(), { bytes, why });
    }
    case 'job.usage-sampled': {
      const { billableMs, cpuMs, memoryBytes, memoryPeakBytes } = fact;
      const used = { billableMs, cpuMs, memoryBytes, memoryPeakBytes };
      return Object.assign(new JobUsageSampled(), used);
    }
    case 'job.artifact-added':
      return Object.assign(new JobArtifactAdded(), { artifactId: fact.artifactId });
    case 'job.artifact-refused': {
      const { path, why: code, message } = fact;
      return Object.assign(new JobArtifactRefused(), { path, code, message });
    }
    case 'job.finished': {
      const { state, reason, exitCode } = fact;
      return Object.assign(new JobFinished(), { state, reason: JobReason.of(reason), exitCode });
    }
  }
}
