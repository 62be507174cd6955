import { defineLoader } from '../../../shared/loaders.ts';
import { attemptsOf } from '../../store/payments/attempts.ts';
import { disputesOf } from '../../store/payments/disputes.ts';
import { findPayments } from '../../store/payments/payments.ts';
import { refundsOf } from '../../store/payments/refunds.ts';
import type {
  DisputeRow,
  PaymentAttemptRow,
  PaymentRow,
  RefundRow,
} from '../../store/payments/rows.ts';

/** One query per request and kind, however many payments ask. */
export const paymentById = defineLoader<string, PaymentRow>('payment', async (ctx, ids) => {
  const rows = await ctx.db.tx((tx) => findPayments(tx, ids));
  return new Map(rows.map((row) => [row.id, row]));
});

export const attemptsByPayment = defineLoader<string, PaymentAttemptRow[]>(
  'payment-attempts',
  async (ctx, ids) => many(await ctx.db.tx((tx) => attemptsOf(tx, ids))),
);

export const refundsByPayment = defineLoader<string, RefundRow[]>(
  'payment-refunds',
  async (ctx, ids) => many(await ctx.db.tx((tx) => refundsOf(tx, ids))),
);

export const disputesByPayment = defineLoader<string, DisputeRow[]>(
  'payment-disputes',
  async (ctx, ids) => many(await ctx.db.tx((tx) => disputesOf(tx, ids))),
);

function many<Row extends { readonly paymentId: string }>(
  rows: readonly Row[],
): Map<string, Row[]> {
  return Map.groupBy(rows, ({ paymentId }) => paymentId);
}
