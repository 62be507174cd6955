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
import { DateTime, JSONValue, Node } from '../../shared/graph.ts';
import { isId } from '../../shared/ids.ts';
import type { JsonValue } from '../../shared/json.ts';
import type { ConnectionValue } from '../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../shared/pagination.ts';
import type { ApprovalState } from '../domain/approval.ts';
import { findApproval, listApprovals } from '../store/approvals.ts';
import type { ApprovalRow } from '../store/rows.ts';
import type { Context } from './context.ts';
import { ApprovalStateEnum, RiskClassEnum, RunActor } from './words.ts';

@Directive('@key(fields: "id")')
@ObjectType('Approval', {
  implements: Node,
  description: 'A decision that a run waits for. Nobody deciding before the deadline is a no.',
})
export class Approval extends Node {
  @Field(() => ApprovalStateEnum) state!: ApprovalState;
  @Field(() => Int, { description: 'Grows with each change; see expectedVersion.' })
  version!: number;
  @Field(() => String) title!: string;
  @Field(() => String, { description: 'The step of the run that waits.' }) step!: string;
  @Field(() => RiskClassEnum) risk!: string;
  @Field(() => JSONValue, { description: 'The facts so far, and the steps that are let through.' })
  action!: JsonValue;
  @Field(() => DateTime) requestedAt!: Date;
  @Field(() => DateTime) expiresAt!: Date;
  @Field(() => RunActor, { nullable: true }) decidedBy!: RunActor | null;
  @Field(() => DateTime, { nullable: true }) decidedAt!: Date | null;
  @Field(() => String, { nullable: true }) comment!: string | null;
  runId!: string;

  static of(row: ApprovalRow): Approval {
    const { id, runId, state, version, title, risk, action, requestedAt, expiresAt } = row;
    const { decidedAt, comment, decidedByType, decidedById } = row;
    const decidedBy =
      decidedByType === null || decidedById === null
        ? null
        : RunActor.of({ type: decidedByType, id: decidedById });
    return Object.assign(new Approval(), {
      ...{ id, runId, state, version, title, risk, action, requestedAt, expiresAt },
      ...{ step: row.stepName, decidedBy, decidedAt, comment },
    });
  }
}

@InputType('ApprovalFilter')
export class ApprovalFilter {
  @Field(() => [ApprovalStateEnum], { nullable: true }) states?: ApprovalState[];
}

export const { Connection: ApprovalConnection } = Connection(Approval);

/** One page of the tenant's approvals, the newest first. */
export function pageOfApprovals(
  ctx: Context,
  args: ConnectionArgs,
  filter: ApprovalFilter = {},
): Promise<ConnectionValue<Approval>> {
  const { states } = filter;
  return paginate(
    ctx,
    'approvals',
    args,
    ({ limit, after }) =>
      ctx.db.tx((tx) => listApprovals(tx, { states, limit, beforeId: after?.[0]?.toString() })),
    (row) => [row.id],
    (row) => Approval.of(row),
  );
}

@Resolver()
export class ApprovalResolver {
  @Authorized('verticals:read')
  @Query(() => Approval, { nullable: true })
  async approval(@Arg('id', () => ID) id: string, @Ctx() ctx: Context): Promise<Approval | null> {
    if (!isId('approval', id)) return null;
    const row = await ctx.db.tx((tx) => findApproval(tx, id));
    return row && Approval.of(row);
  }

  @Authorized('verticals:read')
  @Query(() => ApprovalConnection, { description: 'The approvals of the tenant, newest first.' })
  approvals(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => ApprovalFilter, { nullable: true }) filter?: ApprovalFilter,
  ): Promise<ConnectionValue<Approval>> {
    return pageOfApprovals(ctx, args, filter ?? {});
  }
}
