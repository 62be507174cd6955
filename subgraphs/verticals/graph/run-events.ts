import {
  Arg,
  Authorized,
  Ctx,
  Field,
  ID,
  Int,
  InterfaceType,
  ObjectType,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import { notFound } from '../../shared/errors.ts';
import type { StoredEvent } from '../../shared/events.ts';
import { Cursor, DateTime } from '../../shared/graph.ts';
import { isId } from '../../shared/ids.ts';
import type { ApprovalState } from '../domain/approval.ts';
import type { RunFact } from '../domain/run-fact.ts';
import type { RunState } from '../domain/run.ts';
import { runFactOf, runStream } from '../store/facts.ts';
import { findRun } from '../store/runs.ts';
import { Approval } from './approval.ts';
import type { Context } from './context.ts';
import { Job } from './job.ts';
import { approvalById, runById } from './loaders.ts';
import { PlaybookRun, RunReason } from './run.ts';
import { ApprovalStateEnum, RunActor, RunStateEnum, RunStepStateEnum } from './words.ts';

@InterfaceType('RunEvent', {
  autoRegisterImplementations: false,
  description: 'Something that happened in a run; seq is without gaps.',
})
export abstract class RunEvent {
  @Field(() => ID) runId!: string;
  @Field(() => Int) seq!: number;
  @Field(() => Cursor, { description: 'Give it as `after` to go on from here.' }) cursor!: string;
  @Field(() => DateTime) at!: Date;

  @Field(() => PlaybookRun, { description: 'The run as it is now.' })
  async run(@Ctx() ctx: Context): Promise<PlaybookRun> {
    const row = await ctx.load(runById, this.runId);
    if (!row) throw notFound('Playbook run');
    return PlaybookRun.of(row);
  }
}

@ObjectType('RunStateChanged', { implements: RunEvent })
export class RunStateChanged extends RunEvent {
  @Field(() => RunStateEnum) state!: RunState;
  @Field(() => RunReason, { nullable: true }) reason!: RunReason | null;
}

@ObjectType('RunStepChanged', { implements: RunEvent })
export class RunStepChanged extends RunEvent {
  @Field(() => String) stepName!: string;
  @Field(() => RunStepStateEnum) stepState!: string;
  @Field(() => Int) attempts!: number;
}

@ObjectType('RunJobSubmitted', { implements: RunEvent, description: 'See jobEvents for the rest.' })
export class RunJobSubmitted extends RunEvent {
  @Field(() => String) stepName!: string;
  @Field(() => Job) job!: Job;
}

abstract class RunApprovalEvent extends RunEvent {
  approvalId!: string;
}

/** Loads the approval that an event is about. */
async function approvalOf({ approvalId }: RunApprovalEvent, ctx: Context): Promise<Approval> {
  const row = await ctx.load(approvalById, approvalId);
  if (!row) throw notFound('Approval');
  return Approval.of(row);
}

@ObjectType('RunApprovalRequested', { implements: RunEvent })
export class RunApprovalRequested extends RunApprovalEvent {
  @Field(() => Approval)
  approval(@Ctx() ctx: Context): Promise<Approval> {
    return approvalOf(this, ctx);
  }
}

@ObjectType('RunApprovalDecided', {
  implements: RunEvent,
  description: 'Somebody decided, or nobody did before the deadline or the end of the run.',
})
export class RunApprovalDecided extends RunApprovalEvent {
  @Field(() => ApprovalStateEnum) approvalState!: ApprovalState;
  @Field(() => RunActor, { nullable: true }) decidedBy!: RunActor | null;

  @Field(() => Approval)
  approval(@Ctx() ctx: Context): Promise<Approval> {
    return approvalOf(this, ctx);
  }
}

@ObjectType('RunFinished', { implements: RunEvent, description: 'The last event of a run.' })
export class RunFinished extends RunEvent {
  @Field(() => RunStateEnum) state!: RunState;
  @Field(() => RunReason, { nullable: true }) reason!: RunReason | null;
}

/** Everything that implements RunEvent. */
export const runEventTypes = [
  RunStateChanged,
  RunStepChanged,
  RunJobSubmitted,
  RunApprovalRequested,
  RunApprovalDecided,
  RunFinished,
];

@Resolver()
export class RunProgressResolver {
  @Authorized('verticals:read')
  @Subscription(() => RunEvent, {
    description:
      'Everything that happened in a run after the cursor (from its start without one), then live. Ends after RunFinished.',
    subscribe: async ({ args, context }: { args: RunProgressArgs; context: Context }) => {
      const { runId, after } = args;
      const run = isId('run', runId) ? await context.db.tx((tx) => findRun(tx, runId)) : null;
      if (!run) throw notFound('Playbook run');
      return context.events.follow(runStream(runId), {
        ...(after == null ? {} : { after }),
        endsAfter: ({ type }) => type === ('run.finished' satisfies RunFact['type']),
      });
    },
  })
  runProgress(
    @Root() event: StoredEvent,
    @Ctx() ctx: Context,
    @Arg('runId', () => ID) runId: string,
    @Arg('after', () => Cursor, { nullable: true }) _after?: string,
  ): RunEvent {
    const cursor = ctx.events.cursor(event.stream, event.seq);
    return Object.assign(eventOf(runFactOf(event)), {
      runId,
      seq: event.seq,
      cursor,
      at: event.at,
    });
  }
}

interface RunProgressArgs {
  readonly runId: string;
  readonly after?: string | null;
}

function eventOf(fact: RunFact): RunEvent {
  switch (fact.type) {
    case 'run.state-changed':
      return Object.assign(new RunStateChanged(), statusOf(fact));
    case 'run.finished':
      return Object.assign(new RunFinished(), statusOf(fact));
    case 'run.step-changed': {
      const { step: stepName, state: stepState, attempts } = fact;
      return Object.assign(new RunStepChanged(), { stepName, stepState, attempts });
    }
    case 'run.job-submitted':
      return Object.assign(new RunJobSubmitted(), { stepName: fact.step, job: Job.of(fact.jobId) });
    case 'run.approval-requested':
      return Object.assign(new RunApprovalRequested(), { approvalId: fact.approvalId });
    case 'run.approval-decided': {
      const { approvalId, state: approvalState } = fact;
      const decidedBy = fact.decidedBy && RunActor.of(fact.decidedBy);
      return Object.assign(new RunApprovalDecided(), { approvalId, approvalState, decidedBy });
    }
  }
}

function statusOf({ state, reason }: { state: RunState; reason: RunReason | null }) {
  return { state, reason: reason && Object.assign(new RunReason(), reason) };
}
