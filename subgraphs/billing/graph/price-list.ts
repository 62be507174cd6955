import { Arg, Authorized, Ctx, Field, Int, ObjectType, Query, Resolver } from 'type-graphql';
import type { Context } from '../../shared/context.ts';
import { badInput } from '../../shared/errors.ts';
import { DateTime, Money } from '../../shared/graph.ts';
import { money } from '../../shared/money.ts';
import type { PriceList as PriceListFacts } from '../domain/price-list.ts';
import { priceListAt } from '../domain/price-list.ts';
import { readPriceLists } from '../store/price-lists.ts';

@ObjectType({
  description:
    'What sandbox time costs. Rates are in millionths of a minor unit per second set aside.',
})
export class PriceList {
  @Field(() => Int)
  version!: number;

  @Field(() => String)
  currency!: string;

  @Field(() => DateTime)
  effectiveFrom!: Date;

  @Field(() => Int, { description: 'For one vCPU (1000 millicores) for one second.' })
  vcpuSecondMicroMinor!: number;

  @Field(() => Int, { description: 'For one GiB of memory for one second.' })
  gibSecondMicroMinor!: number;

  @Field(() => Money, { description: 'The least an attempt that ran costs.' })
  minimum!: Money;

  static of(list: PriceListFacts): PriceList {
    const { version, currency, effectiveFrom, vcpuSecondMicroMinor, gibSecondMicroMinor } = list;
    return Object.assign(new PriceList(), {
      version,
      currency,
      effectiveFrom,
      vcpuSecondMicroMinor,
      gibSecondMicroMinor,
      minimum: Money.of(money(list.minimumMinor, currency)),
    });
  }
}

@Resolver()
export class PriceListResolver {
  @Authorized('billing:read')
  @Query(() => PriceList, { description: 'The price list in force now, or at a moment.' })
  async priceList(
    @Ctx() ctx: Context,
    @Arg('at', () => DateTime, { nullable: true }) at?: Date,
  ): Promise<PriceList> {
    const lists = await ctx.db.tx(readPriceLists);
    const moment = at ?? ctx.clock.now();
    if (lists.every((list) => list.effectiveFrom > moment)) {
      throw badInput('No price list was in force at that time.', 'at');
    }
    return PriceList.of(priceListAt(lists, moment));
  }
}
