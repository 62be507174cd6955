import { Directive, Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { ListSize, DateTime, Node } from '../../shared/graph.ts';
import type { NamedValue } from '../domain/job-spec.ts';
import type { JobState } from '../domain/job-state.ts';
import type { JobRow } from '../store/rows.ts';
import { reasonOf } from '../store/tell-state.ts';
import { JobActor, JobReason, JobStateEnum } from './words.ts';

@ObjectType('JobLabel', { description: 'What a job is marked with, by whoever submitted it.' })
export class JobLabel {
  @Field(() => String) name!: string;
  @Field(() => String) value!: string;

  static of({ name, value }: NamedValue): JobLabel {
    return Object.assign(new JobLabel(), { name, value });
  }
}

@Directive('@key(fields: "id")')
@ObjectType('Job', {
  implements: Node,
  description: 'A program that runs in the sandbox, and what becomes of it. It ends once.',
})
export class Job extends Node {
  @Field(() => String, { nullable: true }) name!: string | null;
  @ListSize(4)
  @Field(() => [JobLabel])
  labels!: readonly JobLabel[];
  @Field(() => JobStateEnum) state!: JobState;
  @Field(() => JobReason, {
    nullable: true,
    description: 'Why it stands there, if there is more to say.',
  })
  stateReason!: JobReason | null;
  @Field(() => Int, {
    nullable: true,
    description: 'The code its program ended with, if it gave one.',
  })
  exitCode!: number | null;
  @Field(() => Float, { nullable: true, description: 'How far its program last said it was.' })
  progressPercent!: number | null;
  @Field(() => String, { nullable: true }) progressMessage!: string | null;
  @Field(() => JobActor) submittedBy!: JobActor;
  @Field(() => ID, { nullable: true, description: 'The job that this one runs again.' })
  retryOf!: string | null;
  @Field(() => DateTime) createdAt!: Date;
  @Field(() => DateTime, { nullable: true, description: 'When its program started.' })
  startedAt!: Date | null;
  @Field(() => DateTime, { nullable: true }) finishedAt!: Date | null;
  @Field(() => DateTime, { nullable: true, description: 'When its state must have ended.' })
  deadlineAt!: Date | null;
  row!: JobRow;

  static of(row: JobRow): Job {
    const { id, name, state, exitCode, progressPercent, progressMessage, retryOf } = row;
    const { createdAt, startedAt, finishedAt, deadlineAt } = row;
    return Object.assign(new Job(), {
      ...{ id, name, state, exitCode, progressPercent, progressMessage, retryOf },
      ...{ createdAt, startedAt, finishedAt, deadlineAt, row },
      labels: row.labels.map((label) => JobLabel.of(label)),
      stateReason: JobReason.of(reasonOf(row)),
      submittedBy: JobActor.of({ type: row.submittedByType, id: row.submittedById }),
    });
  }
}
