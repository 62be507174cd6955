import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  ObjectType,
  Query,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import { Cost, DateTime, ListSize, Money, Node } from '../../../shared/graph.ts';
import { isId } from '../../../shared/ids.ts';
import { money } from '../../../shared/money.ts';
import type { ConnectionValue } from '../../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../../shared/pagination.ts';
import type { Line } from '../../domain/invoices/compose-lines.ts';
import type { InvoiceState } from '../../domain/invoices/invoice-state.ts';
import { invoiceStates } from '../../domain/invoices/invoice-state.ts';
import { periodOf } from '../../domain/pricing/billing-period.ts';
import {
  findInvoice,
  linesOf,
  listInvoices,
  reckonInvoice,
} from '../../store/invoices/invoices.ts';
import { reckon } from '../../store/invoices/read-lines.ts';
import type { Reckoning } from '../../store/invoices/read-lines.ts';
import type { InvoiceRow } from '../../store/invoices/rows.ts';
import { anchorOf, findSubscription } from '../../store/pricing/subscriptions.ts';

const InvoiceStateEnum = Object.fromEntries(invoiceStates.map((state) => [state, state]));
registerEnumType(InvoiceStateEnum, {
  name: 'InvoiceState',
  description: 'DRAFT still changes. OPEN is final and to be paid.',
});

@ObjectType('InvoiceLine', { description: 'One thing charged for one stretch of time.' })
export class InvoiceLine {
  @Field(() => String, {
    description: 'CHARGE, or ADJUSTMENT of a period that was billed before.',
  })
  kind!: string;
  @Field(() => String) chargeKey!: string;
  @Field(() => String) label!: string;
  @Field(() => String, { nullable: true, description: 'An exact decimal.' })
  quantity!: string | null;
  @Field(() => DateTime) from!: Date;
  @Field(() => DateTime) to!: Date;
  @Field(() => Money) amount!: Money;
  @Field(() => Money) tax!: Money;

  static of(line: Line, taxMinor: number, currency: string): InvoiceLine {
    const { kind, chargeKey, label, quantity, from, to, amountMinor } = line;
    return Object.assign(new InvoiceLine(), {
      ...{ kind, chargeKey, label, quantity, from, to },
      amount: Money.of(money(amountMinor, currency)),
      tax: Money.of(money(taxMinor, currency)),
    });
  }
}

@ObjectType('Invoice', { implements: Node, description: 'What a customer owes for a period.' })
export class Invoice extends Node {
  @Field(() => InvoiceStateEnum) state!: InvoiceState;
  @Field(() => Int, { nullable: true, description: 'Without gaps. A draft has none.' })
  number!: number | null;
  @Field(() => String) customer!: string;
  @Field(() => DateTime) periodFrom!: Date;
  @Field(() => DateTime) periodTo!: Date;
  @Field(() => DateTime, { nullable: true }) finalizedAt!: Date | null;
  @Field(() => Money, { nullable: true, description: 'Without tax. Null while it is a draft.' })
  subtotal!: Money | null;
  @Field(() => Money, { nullable: true }) tax!: Money | null;
  @Field(() => Money, { nullable: true }) total!: Money | null;
  @Field(() => String, {
    nullable: true,
    description: 'The invoice as it was made final, byte for byte, as JSON.',
  })
  document!: string | null;

  readonly row!: InvoiceRow;

  static of(row: InvoiceRow): Invoice {
    const { id, state, number, customer, periodFrom, periodTo, finalizedAt, document } = row;
    const shown = (minor: number | null) =>
      minor === null ? null : Money.of(money(minor, row.currency));
    return Object.assign(new Invoice(), {
      ...{ id, state, number, customer, periodFrom, periodTo, finalizedAt, document, row },
      subtotal: shown(row.subtotalMinor),
      tax: shown(row.taxMinor),
      total: shown(row.totalMinor),
    });
  }
}

@ObjectType('InvoicePreview', { description: 'What would be billed for the period so far.' })
export class InvoicePreview {
  @Field(() => DateTime) periodFrom!: Date;
  @Field(() => DateTime) periodTo!: Date;
  @Field(() => Money) subtotal!: Money;
  @Field(() => Money) tax!: Money;
  @Field(() => Money) total!: Money;
  @ListSize(20)
  @Field(() => [InvoiceLine])
  lines!: InvoiceLine[];
}

export const { Connection: InvoiceConnection } = Connection(Invoice);

@Resolver(() => Invoice)
export class InvoiceResolver {
  @Authorized('billing:read')
  @Query(() => Invoice, { nullable: true })
  async invoice(@Arg('id', () => ID) id: string, @Ctx() ctx: Context): Promise<Invoice | null> {
    const row = isId('inv', id) ? await ctx.db.tx((tx) => findInvoice(tx, id)) : null;
    return row && Invoice.of(row);
  }

  @Authorized('billing:read')
  @Query(() => InvoiceConnection, { description: 'The invoices of the tenant, newest first.' })
  invoices(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('state', () => InvoiceStateEnum, { nullable: true }) state?: InvoiceState | null,
  ): Promise<ConnectionValue<Invoice>> {
    return paginate(
      ctx,
      'invoices',
      args,
      ({ limit, after }) =>
        ctx.db.tx((tx) =>
          listInvoices(tx, { state: state ?? undefined, limit, beforeId: after?.[0]?.toString() }),
        ),
      ({ id }) => [id],
      (row) => Invoice.of(row),
    );
  }

  @Authorized('billing:read')
  @Cost(50)
  @Query(() => InvoicePreview, { nullable: true })
  async invoicePreview(
    @Arg('subscriptionId', () => ID) id: string,
    @Ctx() ctx: Context,
  ): Promise<InvoicePreview | null> {
    return ctx.db.tx(async (tx) => {
      const row = isId('sub', id) ? await findSubscription(tx, id) : null;
      if (!row) return null;
      const period = periodOf(anchorOf(row), ctx.clock.now());
      const until = row.endsAt && row.endsAt < period.to ? row.endsAt : period.to;
      const { currency, country } = row;
      const lines = shownLines(await reckon(tx, row, { period, until, country }), currency);
      const sum = (of: (line: InvoiceLine) => Money) =>
        lines.reduce((total, line) => total + of(line).amountMinor, 0);
      const [subtotal, tax] = [sum(({ amount }) => amount), sum((line) => line.tax)];
      return Object.assign(new InvoicePreview(), {
        ...{ periodFrom: period.from, periodTo: until, lines },
        subtotal: Money.of(money(subtotal, currency)),
        tax: Money.of(money(tax, currency)),
        total: Money.of(money(subtotal + tax, currency)),
      });
    });
  }

  @Authorized('billing:read')
  @ListSize(20)
  @FieldResolver(() => [InvoiceLine], {
    description: 'Of a draft, as they would be if it were made final now.',
  })
  lines(@Root() { row }: Invoice, @Ctx() ctx: Context): Promise<InvoiceLine[]> {
    return ctx.db.tx(async (tx) => {
      if (row.state === 'DRAFT') return shownLines(await reckonInvoice(tx, row), row.currency);
      const lines = await linesOf(tx, row.id);
      return lines.map((line) => InvoiceLine.of(line, line.taxMinor, row.currency));
    });
  }
}

function shownLines({ lines, taxes }: Reckoning, currency: string): InvoiceLine[] {
  return lines.map((line, index) => {
    const tax = taxes.reduce((sum, { amountsMinor }) => sum + (amountsMinor[index] ?? 0), 0);
    return InvoiceLine.of(line, tax, currency);
  });
}
