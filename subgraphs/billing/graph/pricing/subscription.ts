import { Args, Authorized, Ctx, Field, ObjectType, Query, Resolver } from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { DateTime, Node } from '../../../shared/graph.ts';
import type { ConnectionValue } from '../../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../../shared/pagination.ts';
import type { SubscriptionRow } from '../../store/pricing/rows.ts';
import { listSubscriptions } from '../../store/pricing/subscriptions.ts';

@ObjectType('BillingSubscription', { implements: Node, description: 'A customer on a plan.' })
export class BillingSubscription extends Node {
  @Field(() => String, { description: 'The subject of the usage events that are charged.' })
  customer!: string;
  @Field(() => String, { nullable: true, description: 'Where the customer is taxed.' })
  country!: string | null;
  @Field(() => String) currency!: string;
  @Field(() => String) timeZone!: string;
  @Field(() => DateTime) startedAt!: Date;
  @Field(() => DateTime, { nullable: true }) endsAt!: Date | null;
  @Field(() => DateTime, { nullable: true, description: 'When its next invoice is drafted.' })
  nextBillAt!: Date | null;

  static of(row: SubscriptionRow): BillingSubscription {
    const { id, customer, country, currency, timeZone, startedAt, endsAt, nextBillAt } = row;
    return Object.assign(new BillingSubscription(), {
      ...{ id, customer, country, currency, timeZone, startedAt, endsAt, nextBillAt },
    });
  }
}

export const { Connection: BillingSubscriptionConnection } = Connection(BillingSubscription);

@Resolver()
export class SubscriptionResolver {
  @Authorized('billing:read')
  @Query(() => BillingSubscriptionConnection, { description: 'The subscriptions, newest first.' })
  subscriptions(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
  ): Promise<ConnectionValue<BillingSubscription>> {
    return paginate(
      ctx,
      'subscriptions',
      args,
      ({ limit, after }) =>
        ctx.db.tx((tx) => listSubscriptions(tx, { limit, beforeId: after?.[0]?.toString() })),
      ({ id }) => [id],
      (row) => BillingSubscription.of(row),
    );
  }
}
