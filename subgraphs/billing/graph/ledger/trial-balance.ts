import { Arg, Authorized, Ctx, Field, ObjectType, Query, Resolver } from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { badInput } from '../../../shared/errors.ts';
import { Cost, DateTime, ListSize, Money } from '../../../shared/graph.ts';
import { money } from '../../../shared/money.ts';
import { ledgerAccountCodes } from '../../domain/ledger/chart.ts';
import type { AccountBalance } from '../../store/ledger/balances.ts';
import { awaitPostings, readBalancesAt } from '../../store/ledger/balances.ts';
import { LedgerAccount } from './ledger-account.ts';

@ObjectType('TrialBalanceTotal', {
  description: 'All accounts of a currency together. Debits and credits are always the same.',
})
export class TrialBalanceTotal {
  @Field(() => String) currency!: string;
  @Field(() => Money) debits!: Money;
  @Field(() => Money) credits!: Money;

  static of(currency: string, balances: readonly AccountBalance[]): TrialBalanceTotal {
    const sum = (sign: number): number =>
      balances
        .filter((one) => one.currency === currency && one.balanceMinor * sign > 0)
        .reduce((total, { balanceMinor }) => total + balanceMinor * sign, 0);
    return Object.assign(new TrialBalanceTotal(), {
      currency,
      debits: Money.of(money(sum(-1), currency)),
      credits: Money.of(money(sum(1), currency)),
    });
  }
}

@ObjectType('TrialBalance', { description: 'The books as they stood at a moment.' })
export class TrialBalance {
  @Field(() => DateTime) asOf!: Date;

  @ListSize(ledgerAccountCodes.length)
  @Field(() => [LedgerAccount])
  accounts!: LedgerAccount[];

  @ListSize(2)
  @Field(() => [TrialBalanceTotal])
  totals!: TrialBalanceTotal[];

  static of(asOf: Date, balances: readonly AccountBalance[]): TrialBalance {
    const currencies = [...new Set(balances.map(({ currency }) => currency))];
    return Object.assign(new TrialBalance(), {
      asOf,
      accounts: balances.map((balance) => LedgerAccount.of(balance)),
      totals: currencies.map((currency) => TrialBalanceTotal.of(currency, balances)),
    });
  }
}

@Resolver()
export class TrialBalanceResolver {
  @Authorized('billing:read')
  @Cost(20)
  @Query(() => TrialBalance, {
    description:
      'Every account as it stood at a moment, by what was recorded before it: now, when none is named. The answer for a moment never changes.',
  })
  async trialBalance(
    @Ctx() ctx: Context,
    @Arg('asOf', () => DateTime, { nullable: true }) asOf?: Date | null,
  ): Promise<TrialBalance> {
    // The wait ends with its own transaction, so that reading the books holds up nobody.
    const now = await ctx.db.tx(awaitPostings);
    const moment = asOf ?? now;
    if (moment > now) throw badInput('"asOf" is in the future: the books are not written.', 'asOf');
    return TrialBalance.of(moment, await ctx.db.tx((tx) => readBalancesAt(tx, moment)));
  }
}
