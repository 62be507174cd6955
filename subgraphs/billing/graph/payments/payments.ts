import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { can } from '../../../shared/access.ts';
import { DateTime, ListSize } from '../../../shared/graph.ts';
import { isId } from '../../../shared/ids.ts';
import type { ConnectionValue } from '../../../shared/pagination.ts';
import { Connection, ConnectionArgs, paginate } from '../../../shared/pagination.ts';
import type { DisputeStatus } from '../../domain/payments/dispute-state.ts';
import type { PaymentStatus } from '../../domain/payments/payment-status.ts';
import type { RefundStatus } from '../../domain/payments/refund-state.ts';
import { findDispute, listDisputes } from '../../store/payments/disputes.ts';
import { listPayments } from '../../store/payments/payments.ts';
import { findRefund, listRefunds } from '../../store/payments/refunds.ts';
import { clientSecretOf } from '../../workflows/payments/sync-payment.ts';
import { LedgerTransactionConnection, pageOfTransactions } from '../ledger/ledger-transaction.ts';
import type { LedgerTransaction } from '../ledger/ledger-transaction.ts';
import type { Context } from './context.ts';
import { Dispute } from './dispute.ts';
import { attemptsByPayment, disputesByPayment, paymentById, refundsByPayment } from './loaders.ts';
import {
  ClientSecretAction,
  NextAction,
  Payment,
  PaymentAttempt,
  RedirectAction,
} from './payment.ts';
import { Refund } from './refund.ts';
import { DisputeStatusEnum, PaymentStatusEnum, RefundStatusEnum } from './words.ts';

@InputType('PaymentFilter', { description: 'What is left out is not asked for.' })
export class PaymentFilter {
  @Field(() => [PaymentStatusEnum], { nullable: true }) statuses?: PaymentStatus[] | null;
  @Field(() => String, { nullable: true }) currency?: string | null;
  @Field(() => DateTime, { nullable: true, description: 'At this moment or after it.' })
  createdAfter?: Date | null;
  @Field(() => DateTime, { nullable: true, description: 'Before this moment.' })
  createdBefore?: Date | null;
}

@InputType('RefundFilter')
export class RefundFilter {
  @Field(() => [RefundStatusEnum], { nullable: true }) statuses?: RefundStatus[] | null;
  @Field(() => ID, { nullable: true }) paymentId?: string | null;
}

@InputType('DisputeFilter')
export class DisputeFilter {
  @Field(() => [DisputeStatusEnum], { nullable: true }) statuses?: DisputeStatus[] | null;
}

export const { Connection: PaymentConnection } = Connection(Payment);
export const { Connection: RefundConnection } = Connection(Refund);
export const { Connection: DisputeConnection } = Connection(Dispute);

@Resolver()
export class PaymentsResolver {
  @Authorized('billing:read')
  @Query(() => Payment, { nullable: true })
  async payment(@Arg('id', () => ID) id: string, @Ctx() ctx: Context): Promise<Payment | null> {
    const row = isId('payment', id) ? await ctx.load(paymentById, id) : undefined;
    return row ? Payment.of(row) : null;
  }

  @Authorized('billing:read')
  @Query(() => PaymentConnection, { description: 'The payments of the tenant, newest first.' })
  payments(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => PaymentFilter, { nullable: true }) filter?: PaymentFilter | null,
  ): Promise<ConnectionValue<Payment>> {
    const page = {
      statuses: filter?.statuses ?? undefined,
      currency: filter?.currency ?? undefined,
      createdAfter: filter?.createdAfter ?? undefined,
      createdBefore: filter?.createdBefore ?? undefined,
    };
    return paginate(
      ctx,
      'payments',
      args,
      ({ limit, after }) =>
        ctx.db.tx((tx) => listPayments(tx, { ...page, limit, beforeId: after?.[0]?.toString() })),
      (row) => [row.id],
      (row) => Payment.of(row),
    );
  }

  @Authorized('billing:read')
  @Query(() => Refund, { nullable: true })
  async refund(@Arg('id', () => ID) id: string, @Ctx() ctx: Context): Promise<Refund | null> {
    const row = isId('refund', id) ? await ctx.db.tx((tx) => findRefund(tx, id)) : null;
    return row && Refund.of(row);
  }

  @Authorized('billing:read')
  @Query(() => RefundConnection, { description: 'The refunds of the tenant, newest first.' })
  refunds(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => RefundFilter, { nullable: true }) filter?: RefundFilter | null,
  ): Promise<ConnectionValue<Refund>> {
    const page = {
      statuses: filter?.statuses ?? undefined,
      paymentId: filter?.paymentId ?? undefined,
    };
    return paginate(
      ctx,
      'refunds',
      args,
      ({ limit, after }) =>
        ctx.db.tx((tx) => listRefunds(tx, { ...page, limit, beforeId: after?.[0]?.toString() })),
      (row) => [row.id],
      (row) => Refund.of(row),
    );
  }

  @Authorized('billing:read')
  @Query(() => Dispute, { nullable: true })
  async dispute(@Arg('id', () => ID) id: string, @Ctx() ctx: Context): Promise<Dispute | null> {
    const row = isId('dispute', id) ? await ctx.db.tx((tx) => findDispute(tx, id)) : null;
    return row && Dispute.of(row);
  }

  @Authorized('billing:read')
  @Query(() => DisputeConnection, { description: 'The disputes of the tenant, newest first.' })
  disputes(
    @Ctx() ctx: Context,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Arg('filter', () => DisputeFilter, { nullable: true }) filter?: DisputeFilter | null,
  ): Promise<ConnectionValue<Dispute>> {
    const statuses = filter?.statuses ?? undefined;
    return paginate(
      ctx,
      'disputes',
      args,
      ({ limit, after }) =>
        ctx.db.tx((tx) => listDisputes(tx, { statuses, limit, beforeId: after?.[0]?.toString() })),
      (row) => [row.id],
      (row) => Dispute.of(row),
    );
  }
}

const secretsFor: readonly PaymentStatus[] = [
  'REQUIRES_PAYMENT_METHOD',
  'REQUIRES_CONFIRMATION',
  'REQUIRES_ACTION',
];

@Resolver(() => Payment)
export class PaymentResolver {
  @Authorized('billing:read')
  @ListSize(2)
  @FieldResolver(() => [PaymentAttempt], { description: 'Every try to take the money, in order.' })
  async attempts(@Root() { id }: Payment, @Ctx() ctx: Context): Promise<PaymentAttempt[]> {
    const rows = await ctx.load(attemptsByPayment, id);
    return (rows ?? []).map((row) => PaymentAttempt.of(row));
  }

  @Authorized('billing:read')
  @ListSize(2)
  @FieldResolver(() => [Refund], { description: 'In the order in which they were asked for.' })
  async refunds(@Root() { id }: Payment, @Ctx() ctx: Context): Promise<Refund[]> {
    const rows = await ctx.load(refundsByPayment, id);
    return (rows ?? []).map((row) => Refund.of(row));
  }

  @Authorized('billing:read')
  @ListSize(1)
  @FieldResolver(() => [Dispute])
  async disputes(@Root() { id }: Payment, @Ctx() ctx: Context): Promise<Dispute[]> {
    const rows = await ctx.load(disputesByPayment, id);
    return (rows ?? []).map((row) => Dispute.of(row));
  }

  @Authorized('billing:read')
  @FieldResolver(() => LedgerTransactionConnection, {
    description: 'What it has moved in the ledger, newest first.',
  })
  ledgerTransactions(
    @Root() { id }: Payment,
    @Args(() => ConnectionArgs) args: ConnectionArgs,
    @Ctx() ctx: Context,
  ): Promise<ConnectionValue<LedgerTransaction>> {
    return pageOfTransactions(ctx, args, { subject: id });
  }

  @Authorized('billing:write')
  @FieldResolver(() => NextAction, {
    nullable: true,
    description: 'What the payer has to do next. Read from the provider, and kept nowhere.',
  })
  async nextAction(
    @Root() { id, status, action }: Payment,
    @Ctx() ctx: Context,
  ): Promise<RedirectAction | ClientSecretAction | null> {
    const next = action as { readonly kind?: string; readonly url?: string } | null;
    if (next?.kind === 'redirect') return Object.assign(new RedirectAction(), { url: next.url });
    if (!secretsFor.includes(status)) return null;
    const clientSecret = await clientSecretOf(ctx, id);
    return clientSecret === undefined
      ? null
      : Object.assign(new ClientSecretAction(), { clientSecret });
  }
}

@Resolver(() => Refund)
export class RefundResolver {
  @Authorized('billing:read')
  @FieldResolver(() => Payment)
  payment(@Root() { paymentId }: Refund, @Ctx() ctx: Context): Promise<Payment> {
    return paymentOf(ctx, paymentId);
  }
}

@Resolver(() => Dispute)
export class DisputeResolver {
  @Authorized('billing:read')
  @FieldResolver(() => Payment)
  payment(@Root() { paymentId }: Dispute, @Ctx() ctx: Context): Promise<Payment> {
    return paymentOf(ctx, paymentId);
  }
}

/** How other subgraphs' mentions become ours: what the caller may not read is like what is not there. */
export const paymentReferences = {
  Payment: async ({ id }: { id: string }, ctx: Context): Promise<Payment | null> => {
    if (!can(ctx.identity, 'billing:read') || !isId('payment', id)) return null;
    const row = await ctx.load(paymentById, id);
    return row ? Payment.of(row) : null;
  },
  Refund: async ({ id }: { id: string }, ctx: Context): Promise<Refund | null> => {
    if (!can(ctx.identity, 'billing:read') || !isId('refund', id)) return null;
    const row = await ctx.db.tx((tx) => findRefund(tx, id));
    return row && Refund.of(row);
  },
  Dispute: async ({ id }: { id: string }, ctx: Context): Promise<Dispute | null> => {
    if (!can(ctx.identity, 'billing:read') || !isId('dispute', id)) return null;
    const row = await ctx.db.tx((tx) => findDispute(tx, id));
    return row && Dispute.of(row);
  },
};

async function paymentOf(ctx: Context, id: string): Promise<Payment> {
  const row = await ctx.load(paymentById, id);
  if (!row) throw new Error(`The payment ${id} is gone.`);
  return Payment.of(row);
}
