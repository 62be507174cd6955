import { Arg, Authorized, Ctx, Directive, Field, FieldResolver, ID, Int } from 'type-graphql';
import { ObjectType, Query, Resolver } from 'type-graphql';
import type { Context } from '../../shared/context.ts';
import { Cost, DateTime, Money } from '../../shared/graph.ts';
import { add } from '../../shared/money.ts';
import { accountName } from '../domain/account.ts';
import type { Span } from '../domain/spend-span.ts';
import { spendSpan } from '../domain/spend-span.ts';
import { findAccount, readCredit } from '../store/accounts.ts';
import type { Spend } from '../store/charges.ts';
import { sumCharges } from '../store/charges.ts';

@ObjectType({ description: 'A company that runs AI employees on Forge.' })
@Directive('@key(fields: "id")')
export class Tenant {
  @Field(() => ID)
  id!: string;
}

@ObjectType({ description: 'What was charged from a moment on, up to but without another.' })
export class TenantSpend {
  @Field(() => DateTime)
  from!: Date;

  @Field(() => DateTime)
  to!: Date;

  @Field(() => Money)
  total!: Money;

  @Field(() => Int, { description: 'Jobs with at least one charge in the span.' })
  jobs!: number;

  @Field(() => Int, { description: 'Attempts charged in the span.' })
  attempts!: number;

  static of(span: Span, spend: Spend): TenantSpend {
    const { jobs, attempts } = spend;
    return Object.assign(new TenantSpend(), {
      ...span,
      jobs,
      attempts,
      total: Money.of(spend.total),
    });
  }
}

@ObjectType({ description: 'Credit as it is now: balance = available + held.' })
export class TenantCredit {
  @Field(() => Money, { description: 'All credit that has not been charged.' })
  balance!: Money;

  @Field(() => Money, { description: 'Kept aside for attempts that are not over.' })
  held!: Money;

  @Field(() => Money, { description: 'What new jobs may still take.' })
  available!: Money;
}

@Resolver(() => Tenant)
export class TenantResolver {
  @Authorized()
  @Query(() => Tenant, { description: 'The tenant of the token. Every caller may ask who it is.' })
  tenant(@Ctx() ctx: Context): Tenant {
    return Object.assign(new Tenant(), { id: ctx.tenant });
  }

  @Authorized()
  @FieldResolver(() => String)
  async name(@Ctx() ctx: Context): Promise<string> {
    const account = await ctx.db.tx(findAccount);
    return account?.name ?? accountName(ctx.tenant);
  }

  @Authorized('billing:read')
  @Cost(20)
  @FieldResolver(() => TenantSpend, {
    description: 'What was charged. Without arguments: this month so far.',
  })
  async spend(
    @Ctx() ctx: Context,
    @Arg('from', () => DateTime, { nullable: true }) from?: Date,
    @Arg('to', () => DateTime, { nullable: true }) to?: Date,
  ): Promise<TenantSpend> {
    const span = spendSpan({ ...(from && { from }), ...(to && { to }) }, ctx.clock.now());
    return TenantSpend.of(span, await ctx.db.tx((tx) => sumCharges(tx, span.from, span.to)));
  }

  @Authorized('billing:read')
  @FieldResolver(() => TenantCredit)
  async credit(@Ctx() ctx: Context): Promise<TenantCredit> {
    const { available, held } = await ctx.db.tx(readCredit);
    return Object.assign(new TenantCredit(), {
      balance: Money.of(add(available, held)),
      held: Money.of(held),
      available: Money.of(available),
    });
  }
}

/** The caller's own tenant; any other one reads as missing. */
export function tenantReference(reference: { id: string }, ctx: Context): Promise<Tenant | null> {
  if (reference.id !== ctx.tenant) return Promise.resolve(null);
  return Promise.resolve(Object.assign(new Tenant(), { id: ctx.tenant }));
}
