import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Int,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { DateTime, ListSize, Money, Node } from '../../../shared/graph.ts';
import { isId } from '../../../shared/ids.ts';
import { defineLoader } from '../../../shared/loaders.ts';
import { money } from '../../../shared/money.ts';
import type { ConnectionValue } from '../../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../../shared/pagination.ts';
import type { LedgerAccountCode } from '../../domain/ledger/chart.ts';
import type { LedgerEntryRow, LedgerTransactionRow } from '../../store/ledger/rows.ts';
import {
  entriesOf,
  findTransactions,
  listTransactions,
  reversalsOf,
} from '../../store/ledger/transactions.ts';
import { LedgerAccountCodeEnum } from './words.ts';

@ObjectType('LedgerEntry', { description: 'One side of a movement of money.' })
export class LedgerEntry {
  @Field(() => LedgerAccountCodeEnum) account!: LedgerAccountCode;
  @Field(() => Money, { description: 'Positive credits the account, negative debits it.' })
  amount!: Money;
  @Field(() => Boolean, { description: 'Whether the money is announced only.' })
  pending!: boolean;
  @Field(() => Int, { description: 'Which part of the account: hot accounts have several.' })
  subAccount!: number;
  @Field(() => Int, { description: 'The place in its part of the account, from 1 on.' })
  sequence!: number;
  @Field(() => Money, { description: 'The balance of that part after the entry.' })
  balanceAfter!: Money;

  static of(row: LedgerEntryRow): LedgerEntry {
    const { account, amountMinor, currency, pending, shard, sequence } = row;
    const afterMinor = pending ? row.pendingAfterMinor : row.balanceAfterMinor;
    return Object.assign(new LedgerEntry(), {
      ...{ account, pending, sequence, subAccount: shard },
      amount: Money.of(money(amountMinor, currency)),
      balanceAfter: Money.of(money(afterMinor, currency)),
    });
  }
}

@ObjectType('LedgerTransaction', {
  implements: Node,
  description: 'A movement of money. It is never changed: what was wrong is reversed.',
})
export class LedgerTransaction extends Node {
  @Field(() => String, { description: 'What happened, as in charge-settled.' }) kind!: string;
  @Field(() => String, { description: 'What caused it. A cause moves money once per kind.' })
  source!: string;
  @Field(() => String, { nullable: true, description: 'Whose money it is, such as a payment.' })
  subject!: string | null;
  @Field(() => DateTime, { description: 'When it took effect in the world.' }) effectiveAt!: Date;
  @Field(() => DateTime, { description: 'When it was recorded.' }) recordedAt!: Date;

  readonly reversesId!: string | null;

  static of(row: LedgerTransactionRow): LedgerTransaction {
    const { id, kind, source, subject, effectiveAt, recordedAt, reverses } = row;
    return Object.assign(new LedgerTransaction(), {
      ...{ id, kind, source, subject, effectiveAt, recordedAt, reversesId: reverses },
    });
  }
}

@InputType('LedgerTransactionFilter', { description: 'What is left out is not asked for.' })
export class LedgerTransactionFilter {
  @Field(() => LedgerAccountCodeEnum, { nullable: true }) account?: LedgerAccountCode | null;
  @Field(() => String, { nullable: true }) kind?: string | null;
  @Field(() => ID, { nullable: true, description: 'Such as the id of a payment.' })
  subject?: string | null;
}

export const { Connection: LedgerTransactionConnection } = Connection(LedgerTransaction);

/** One page of the tenant's ledger transactions, the newest first. */
export function pageOfTransactions(
  ctx: Context,
  args: ConnectionArgs,
  filter: LedgerTransactionFilter | null | undefined,
): Promise<ConnectionValue<LedgerTransaction>> {
  const { account, kind, subject } = filter ?? {};
  return paginate(
    ctx,
    'ledgerTransactions',
    args,
    ({ limit, after }) =>
      ctx.db.tx((tx) =>
        listTransactions(tx, {
          account: account ?? undefined,
          kind: kind ?? undefined,
          subject: subject ?? undefined,
          limit,
          beforeId: after?.[0]?.toString(),
        }),
      ),
    (row) => [row.id],
    (row) => LedgerTransaction.of(row),
  );
}

@Resolver(() => LedgerTransaction)
export class LedgerTransactionResolver {
  @Authorized('billing:read')
  @Query(() => LedgerTransaction, { nullable: true })
  async ledgerTransaction(
    @Arg('id', () => ID) id: string,
    @Ctx() ctx: Context,
  ): Promise<LedgerTransaction | null> {
    const row = isId('ltx', id) ? await ctx.load(transactionById, id) : undefined;
    return row ? LedgerTransaction.of(row) : null;
  }

  @Authorized('billing:read')
  @Query(() => LedgerTransactionConnection, { description: 'Movements of money, newest first.' })
  ledgerTransactions(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => LedgerTransactionFilter, { nullable: true })
    filter?: LedgerTransactionFilter | null,
  ): Promise<ConnectionValue<LedgerTransaction>> {
    return pageOfTransactions(ctx, args, filter);
  }

  @Authorized('billing:read')
  @ListSize(4)
  @FieldResolver(() => [LedgerEntry])
  async entries(@Root() { id }: LedgerTransaction, @Ctx() ctx: Context): Promise<LedgerEntry[]> {
    const rows = (await ctx.load(entriesByTransaction, id)) ?? [];
    return rows.map((row) => LedgerEntry.of(row));
  }

  @Authorized('billing:read')
  @FieldResolver(() => LedgerTransaction, {
    nullable: true,
    description: 'The transaction that this one takes back.',
  })
  async reverses(
    @Root() { reversesId }: LedgerTransaction,
    @Ctx() ctx: Context,
  ): Promise<LedgerTransaction | null> {
    const row = reversesId === null ? undefined : await ctx.load(transactionById, reversesId);
    return row ? LedgerTransaction.of(row) : null;
  }

  @Authorized('billing:read')
  @FieldResolver(() => LedgerTransaction, {
    nullable: true,
    description: 'The transaction that takes this one back, if one does.',
  })
  async reversedBy(
    @Root() { id }: LedgerTransaction,
    @Ctx() ctx: Context,
  ): Promise<LedgerTransaction | null> {
    const row = await ctx.load(reversalByTransaction, id);
    return row ? LedgerTransaction.of(row) : null;
  }
}

const transactionById = defineLoader<string, LedgerTransactionRow>(
  'ledger-transaction',
  async (ctx, ids) =>
    new Map((await ctx.db.tx((tx) => findTransactions(tx, ids))).map((row) => [row.id, row])),
);

const reversalByTransaction = defineLoader<string, LedgerTransactionRow>(
  'ledger-reversal',
  async (ctx, ids) =>
    new Map(
      (await ctx.db.tx((tx) => reversalsOf(tx, ids))).map((row) => [row.reverses ?? '', row]),
    ),
);

const entriesByTransaction = defineLoader<string, LedgerEntryRow[]>(
  'ledger-entries',
  async (ctx, ids) =>
    Map.groupBy(await ctx.db.tx((tx) => entriesOf(tx, ids)), (row) => row.transactionId),
);
