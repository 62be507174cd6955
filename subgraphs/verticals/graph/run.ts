import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Directive,
  Field,
  ID,
  InputType,
  Int,
  ObjectType,
  Query,
  Resolver,
} from 'type-graphql';
import { ListSize, DateTime, JSONValue, Node } from '../../shared/graph.ts';
import { isId } from '../../shared/ids.ts';
import type { JsonValue } from '../../shared/json.ts';
import type { ConnectionValue } from '../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../shared/pagination.ts';
import type { RunReason as RunReasonData, RunState } from '../domain/run.ts';
import type { CheckReportRow, PlaybookRunRow, RunStepRow } from '../store/rows.ts';
import { findRun, listRuns, reasonOf } from '../store/runs.ts';
import { Approval } from './approval.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { approvalsByRun, jobByRun, reportByRun, stepsByRun } from './loaders.ts';
import { Playbook } from './playbook.ts';
import { CheckReportStateEnum, RunActor, RunStateEnum, RunStepStateEnum } from './words.ts';

@ObjectType('RunReason', { description: 'Why a run stopped before its end.' })
export class RunReason {
  @Field(() => String) code!: string;
  @Field(() => String) message!: string;

  static of(reason: RunReasonData | null): RunReason | null {
    return reason && Object.assign(new RunReason(), reason);
  }
}

@ObjectType('RunStep', { description: 'What became of a step of the playbook in this run.' })
export class RunStep {
  @Field(() => String) name!: string;
  @Field(() => RunStepStateEnum) state!: string;
  @Field(() => Int) attempts!: number;
  @Field(() => DateTime, { nullable: true }) startedAt!: Date | null;
  @Field(() => DateTime, { nullable: true }) finishedAt!: Date | null;

  static of({ name, state, attempts, startedAt, finishedAt }: RunStepRow): RunStep {
    return Object.assign(new RunStep(), { name, state, attempts, startedAt, finishedAt });
  }
}

@ObjectType('CheckReport', { description: 'What a check found, shown once it is published.' })
export class CheckReport {
  @Field(() => ID) id!: string;
  @Field(() => String) title!: string;
  @Field(() => CheckReportStateEnum) state!: string;
  @Field(() => DateTime) createdAt!: Date;
  @Field(() => DateTime, { nullable: true }) publishedAt!: Date | null;
  @Field(() => DateTime, { nullable: true }) withdrawnAt!: Date | null;

  static of({
    id,
    title,
    state,
    createdAt,
    publishedAt,
    withdrawnAt,
  }: CheckReportRow): CheckReport {
    const fields = { id, title, state, createdAt, publishedAt, withdrawnAt };
    return Object.assign(new CheckReport(), fields);
  }
}

@Directive('@key(fields: "id")')
@ObjectType('PlaybookRun', {
  implements: Node,
  description: 'One execution of a playbook by an AI employee.',
})
export class PlaybookRun extends Node {
  @Field(() => RunStateEnum) state!: RunState;
  @Field(() => RunReason, { nullable: true }) reason!: RunReason | null;
  @Field(() => JSONValue) input!: JsonValue;
  @Field(() => RunActor) requestedBy!: RunActor;
  @Field(() => DateTime) createdAt!: Date;
  @Field(() => DateTime, { nullable: true }) startedAt!: Date | null;
  @Field(() => DateTime, { nullable: true }) finishedAt!: Date | null;
  playbookKey!: string;
  playbookVersion!: number;

  @Field(() => Playbook, { description: 'The version on which the run began and will end.' })
  playbook(@Ctx() ctx: Context): Playbook {
    const data = ctx.deps.catalogue.find(`${this.playbookKey}@${String(this.playbookVersion)}`);
    return data ? Playbook.of(data) : Playbook.retired(this.playbookKey, this.playbookVersion);
  }

  @ListSize(10)
  @Field(() => [RunStep])
  async steps(@Ctx() ctx: Context): Promise<RunStep[]> {
    return ((await ctx.load(stepsByRun, this.id)) ?? []).map((row) => RunStep.of(row));
  }

  @Field(() => Job, { nullable: true, description: 'The sandbox job that the run submitted.' })
  async job(@Ctx() ctx: Context): Promise<Job | null> {
    const row = await ctx.load(jobByRun, this.id);
    return row ? Job.of(row.jobId) : null;
  }

  @ListSize(5)
  @Field(() => [Approval], { description: 'In the order in which they were asked for.' })
  async approvals(@Ctx() ctx: Context): Promise<Approval[]> {
    return ((await ctx.load(approvalsByRun, this.id)) ?? []).map((row) => Approval.of(row));
  }

  @Field(() => CheckReport, { nullable: true })
  async report(@Ctx() ctx: Context): Promise<CheckReport | null> {
    const row = await ctx.load(reportByRun, this.id);
    return row ? CheckReport.of(row) : null;
  }

  static of(row: PlaybookRunRow): PlaybookRun {
    const { id, state, input, createdAt, startedAt, finishedAt } = row;
    const { playbookKey, playbookVersion } = row;
    return Object.assign(new PlaybookRun(), {
      ...{ id, state, input, createdAt, startedAt, finishedAt, playbookKey, playbookVersion },
      reason: RunReason.of(reasonOf(row)),
      requestedBy: RunActor.of({ type: row.requestedByType, id: row.requestedById }),
    });
  }
}

@InputType('PlaybookRunFilter')
export class PlaybookRunFilter {
  @Field(() => [RunStateEnum], { nullable: true }) states?: RunState[];
  @Field(() => String, { nullable: true, description: 'The key of a playbook, any version.' })
  playbookKey?: string;
}

export const { Connection: PlaybookRunConnection } = Connection(PlaybookRun);

/** One page of the tenant's runs, the newest first. */
export function pageOfRuns(
  ctx: Context,
  args: ConnectionArgs,
  filter: PlaybookRunFilter = {},
): Promise<ConnectionValue<PlaybookRun>> {
  const { states, playbookKey } = filter;
  return paginate(
    ctx,
    'playbookRuns',
    args,
    ({ limit, after }) =>
      ctx.db.tx((tx) =>
        listRuns(tx, { states, playbookKey, limit, beforeId: after?.[0]?.toString() }),
      ),
    (row) => [row.id],
    (row) => PlaybookRun.of(row),
  );
}

@Resolver()
export class PlaybookRunResolver {
  @Authorized('verticals:read')
  @Query(() => PlaybookRun, { nullable: true })
  async playbookRun(
    @Arg('id', () => ID) id: string,
    @Ctx() ctx: Context,
  ): Promise<PlaybookRun | null> {
    if (!isId('run', id)) return null;
    const row = await ctx.db.tx((tx) => findRun(tx, id));
    return row && PlaybookRun.of(row);
  }

  @Authorized('verticals:read')
  @Query(() => PlaybookRunConnection, { description: 'The runs of the tenant, newest first.' })
  playbookRuns(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => PlaybookRunFilter, { nullable: true }) filter?: PlaybookRunFilter,
  ): Promise<ConnectionValue<PlaybookRun>> {
    return pageOfRuns(ctx, args, filter ?? {});
  }
}
