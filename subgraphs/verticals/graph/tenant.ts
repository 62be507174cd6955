import { Arg, Args, Authorized, Ctx, Directive, Field, ID, ObjectType } from 'type-graphql';
import type { ConnectionValue } from '../../shared/pagination.ts';
import { ConnectionArgs } from '../../shared/pagination.ts';
import { Approval, ApprovalConnection, ApprovalFilter, pageOfApprovals } from './approval.ts';
import type { Context } from './context.ts';
import { pageOfRuns, PlaybookRun, PlaybookRunConnection, PlaybookRunFilter } from './run.ts';

@Directive('@key(fields: "id")')
@ObjectType('Tenant')
export class Tenant {
  @Field(() => ID) id!: string;

  @Authorized('verticals:read')
  @Field(() => PlaybookRunConnection)
  playbookRuns(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => PlaybookRunFilter, { nullable: true }) filter?: PlaybookRunFilter,
  ): Promise<ConnectionValue<PlaybookRun>> {
    return pageOfRuns(ctx, args, filter ?? {});
  }

  @Authorized('verticals:read')
  @Field(() => ApprovalConnection)
  approvals(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => ApprovalFilter, { nullable: true }) filter?: ApprovalFilter,
  ): Promise<ConnectionValue<Approval>> {
    return pageOfApprovals(ctx, args, filter ?? {});
  }

  static of(id: string): Tenant {
    return Object.assign(new Tenant(), { id });
  }
}
