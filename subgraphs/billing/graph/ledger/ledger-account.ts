import { Args, Authorized, Ctx, Field, ObjectType, Query, Resolver } from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { Money, Node } from '../../../shared/graph.ts';
import { money } from '../../../shared/money.ts';
import type { ConnectionValue } from '../../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../../shared/pagination.ts';
import type { AccountKind, LedgerAccountCode, Side } from '../../domain/ledger/chart.ts';
import { chart } from '../../domain/ledger/chart.ts';
import type { AccountBalance } from '../../store/ledger/balances.ts';
import { readBalances } from '../../store/ledger/balances.ts';
import { LedgerAccountCodeEnum, LedgerAccountKindEnum, LedgerSideEnum } from './words.ts';

@ObjectType('LedgerAccount', {
  implements: Node,
  description: 'An account of the tenant in one currency.',
})
export class LedgerAccount extends Node {
  @Field(() => LedgerAccountCodeEnum) code!: LedgerAccountCode;
  @Field(() => LedgerAccountKindEnum) kind!: AccountKind;
  @Field(() => LedgerSideEnum) normalSide!: Side;
  @Field(() => String, { description: 'What stands on it.' }) means!: string;
  @Field(() => String, { description: 'ISO 4217.' }) currency!: string;
  @Field(() => Money, {
    description: 'The sum of its entries: negative where debits outweigh credits.',
  })
  balance!: Money;
  @Field(() => Money, { description: 'What is announced and has not moved yet.' })
  pending!: Money;

  static of({ code, currency, balanceMinor, pendingMinor }: AccountBalance): LedgerAccount {
    const { kind, normalSide, means } = chart[code];
    return Object.assign(new LedgerAccount(), {
      id: `lac_${code}_${currency}`,
      ...{ code, kind, normalSide, means, currency },
      balance: Money.of(money(balanceMinor, currency)),
      pending: Money.of(money(pendingMinor, currency)),
    });
  }
}

export const { Connection: LedgerAccountConnection } = Connection(LedgerAccount);

@Resolver()
export class LedgerAccountResolver {
  @Authorized('billing:read')
  @Query(() => LedgerAccountConnection, {
    description: 'The accounts on which something was ever posted, by code and currency.',
  })
  ledgerAccounts(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
  ): Promise<ConnectionValue<LedgerAccount>> {
    return paginate(
      ctx,
      'ledgerAccounts',
      args,
      ({ limit, after }) =>
        ctx.db.tx((tx) =>
          readBalances(tx, { limit, after: after && [String(after[0]), String(after[1])] }),
        ),
      ({ code, currency }) => [code, currency],
      (row) => LedgerAccount.of(row),
    );
  }
}
