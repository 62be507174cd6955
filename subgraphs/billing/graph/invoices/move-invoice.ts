import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
} from 'type-graphql';
import type { Context } from '../../../shared/context.ts';
import type { Tx } from '../../../shared/db.ts';
import { IdempotencyKeyReused, NotFoundRefusal, Refusal } from '../../../shared/graph.ts';
import { once } from '../../../shared/idempotency.ts';
import { isId } from '../../../shared/ids.ts';
import {
  finalizeInvoice,
  findInvoice,
  lockInvoice,
  moveInvoice,
} from '../../store/invoices/invoices.ts';
import type { InvoiceRow } from '../../store/invoices/rows.ts';
import { Invoice } from './invoice.ts';

@InputType('MoveInvoiceInput')
export class MoveInvoiceInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) id!: string;
}

@ObjectType('InvoiceSuccess')
export class InvoiceSuccess {
  @Field(() => Invoice) invoice!: Invoice;
  @Field(() => Boolean) replayed!: boolean;
}

@ObjectType('InvoiceStateRefused', {
  implements: Refusal,
  description: 'An invoice in this state cannot go where it was asked to.',
})
export class InvoiceStateRefused extends Refusal {
  @Field(() => Invoice) invoice!: Invoice;
}

export const InvoiceResult = createUnionType({
  name: 'InvoiceResult',
  types: () =>
    [InvoiceSuccess, InvoiceStateRefused, NotFoundRefusal, IdempotencyKeyReused] as const,
});

type Answer = InvoiceSuccess | InvoiceStateRefused | NotFoundRefusal | IdempotencyKeyReused;

@Resolver()
export class MoveInvoiceResolver {
  @Authorized('billing:write')
  @Mutation(() => InvoiceResult, {
    description: 'Makes a draft final: it gets its number and changes no more.',
  })
  finalizeInvoice(
    @Arg('input', () => MoveInvoiceInput) input: MoveInvoiceInput,
    @Ctx() ctx: Context,
  ): Promise<Answer> {
    return moved(ctx, 'finalizeInvoice', input, async (tx, invoice) => {
      if (invoice.state !== 'DRAFT') return false;
      await finalizeInvoice(tx, invoice, { actor: ctx.actor, at: ctx.clock.now() });
      return true;
    });
  }

  @Authorized('billing:write')
  @Mutation(() => InvoiceResult, { description: 'Takes an invoice back. Nobody owes it any more.' })
  voidInvoice(
    @Arg('input', () => MoveInvoiceInput) input: MoveInvoiceInput,
    @Ctx() ctx: Context,
  ): Promise<Answer> {
    return moved(ctx, 'voidInvoice', input, (tx, invoice) =>
      moveInvoice(tx, invoice, 'VOID', { actor: ctx.actor, at: ctx.clock.now() }),
    );
  }

  @Authorized('billing:write')
  @Mutation(() => InvoiceResult, {
    description: 'Gives an open invoice up: it is booked as a loss.',
  })
  writeOffInvoice(
    @Arg('input', () => MoveInvoiceInput) input: MoveInvoiceInput,
    @Ctx() ctx: Context,
  ): Promise<Answer> {
    return moved(ctx, 'writeOffInvoice', input, (tx, invoice) =>
      moveInvoice(tx, invoice, 'UNCOLLECTIBLE', { actor: ctx.actor, at: ctx.clock.now() }),
    );
  }
}

async function moved(
  ctx: Context,
  operation: string,
  { id, idempotencyKey: key }: MoveInvoiceInput,
  move: (tx: Tx, invoice: InvoiceRow) => Promise<boolean>,
): Promise<Answer> {
  const outcome = await once(ctx, { operation, key, input: { id } }, async (tx) => {
    const invoice = isId('inv', id) ? await lockInvoice(tx, id) : null;
    return invoice ? move(tx, invoice) : null;
  });
  if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
  const row = outcome.value === null ? null : await ctx.db.tx((tx) => findInvoice(tx, id));
  if (!row) return NotFoundRefusal.of('Invoice');
  const invoice = Invoice.of(row);
  if (outcome.value) {
    return Object.assign(new InvoiceSuccess(), { invoice, replayed: outcome.replayed });
  }
  const message = `The invoice is ${row.state}.`;
  return Object.assign(new InvoiceStateRefused(), { code: 'INVOICE_STATE', message, invoice });
}
