import {
  Arg,
  Authorized,
  Ctx,
  Field,
  Int,
  ObjectType,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import { notFound } from '../../shared/errors.ts';
import type { StoredEvent } from '../../shared/events.ts';
import { Cursor, DateTime } from '../../shared/graph.ts';
import type { ApprovalState } from '../domain/approval.ts';
import { approvalFactOf, approvalStream } from '../store/facts.ts';
import { Approval } from './approval.ts';
import type { Context } from './context.ts';
import { approvalById } from './loaders.ts';
import { ApprovalStateEnum } from './words.ts';

@ObjectType('ApprovalChange', { description: 'An approval was asked for, decided, or ended.' })
export class ApprovalChange {
  @Field(() => Int) seq!: number;
  @Field(() => Cursor, { description: 'Give it as `after` to go on from here.' }) cursor!: string;
  @Field(() => DateTime) at!: Date;
  @Field(() => ApprovalStateEnum, { description: 'What the approval became then.' })
  state!: ApprovalState;
  approvalId!: string;

  @Field(() => Approval, { description: 'The approval as it is now.' })
  async approval(@Ctx() ctx: Context): Promise<Approval> {
    const row = await ctx.load(approvalById, this.approvalId);
    if (!row) throw notFound('Approval');
    return Approval.of(row);
  }
}

@Resolver()
export class ApprovalsChangedResolver {
  @Authorized('verticals:read')
  @Subscription(() => ApprovalChange, {
    description:
      'Every change of an approval of the tenant after the cursor (all that are kept without one), then live.',
    subscribe: ({ args, context }: { args: { after?: string | null }; context: Context }) =>
      context.events.follow(approvalStream, {
        ...(args.after == null ? {} : { after: args.after }),
        endsAfter: () => false,
      }),
  })
  approvalsChanged(
    @Root() event: StoredEvent,
    @Ctx() ctx: Context,
    @Arg('after', () => Cursor, { nullable: true }) _after?: string,
  ): ApprovalChange {
    const { approvalId, state } = approvalFactOf(event);
    const cursor = ctx.events.cursor(event.stream, event.seq);
    const { seq, at } = event;
    return Object.assign(new ApprovalChange(), { approvalId, state, seq, cursor, at });
  }
}
