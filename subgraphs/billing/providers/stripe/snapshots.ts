import type Stripe from 'stripe';
import type { DisputeSnapshot, DisputeStatus } from '../../domain/payments/dispute-state.ts';
import { disputeStatuses } from '../../domain/payments/dispute-state.ts';
import type {
  NextAction,
  PaymentSnapshot,
  Settlement,
} from '../../domain/payments/payment-state.ts';
import type { ProviderStatus } from '../../domain/payments/payment-status.ts';
import type { ProviderFailure } from '../../domain/payments/provider-error.ts';
import type { ProviderRefundStatus, RefundSnapshot } from '../../domain/payments/refund-state.ts';
import { declineOf } from './declines.ts';

/** The marks that we leave on what we make at Stripe, by which it is found again. */
export const marks = {
  tenant: 'forge_tenant',
  payment: 'forge_payment_id',
  refund: 'forge_refund_id',
  operation: 'forge_operation_id',
} as const;

/** Enumerations of Stripe are open: a word that is not here is UNRECOGNIZED, never an error. */
const paymentWords: Readonly<Record<string, ProviderStatus>> = {
  requires_payment_method: 'REQUIRES_PAYMENT_METHOD',
  requires_confirmation: 'REQUIRES_CONFIRMATION',
  requires_action: 'REQUIRES_ACTION',
  processing: 'PROCESSING',
  requires_capture: 'REQUIRES_CAPTURE',
  succeeded: 'SUCCEEDED',
  canceled: 'CANCELED',
};

export function paymentOf(intent: Stripe.PaymentIntent, atMs: number): PaymentSnapshot {
  const charge = intent.latest_charge;
  const settlement = typeof charge === 'object' && charge ? settlementOf(charge) : undefined;
  const chargeReference = idOf(charge);
  const nextAction = nextActionOf(intent.next_action);
  const failure = lastFailureOf(intent.last_payment_error);
  return {
    reference: intent.id,
    atMs,
    status: statusOf(intent),
    word: intent.status,
    amountMinor: intent.amount,
    currency: intent.currency.toUpperCase(),
    capturableMinor: intent.amount_capturable,
    capturedMinor: intent.amount_received,
    ...(nextAction && { nextAction }),
    ...(failure && { failure }),
    ...(chargeReference !== null && { chargeReference }),
    ...(settlement && { settlement }),
  };
}

function statusOf({ status, cancellation_reason: why }: Stripe.PaymentIntent): ProviderStatus {
  // Stripe cancels by itself what was not captured or confirmed in time.
  if (status === 'canceled' && (why === 'automatic' || why === 'expired')) return 'EXPIRED';
  return Object.hasOwn(paymentWords, status)
    ? (paymentWords[status] ?? 'UNRECOGNIZED')
    : 'UNRECOGNIZED';
}

function nextActionOf(action: Stripe.PaymentIntent.NextAction | null): NextAction | undefined {
  if (!action) return undefined;
  const url = action.redirect_to_url?.url;
  return url ? { kind: 'redirect', url } : { kind: 'instructions' };
}

function lastFailureOf(
  error: Stripe.PaymentIntent.LastPaymentError | null,
): ProviderFailure | undefined {
  if (!error) return undefined;
  const isAuthentication =
    error.code === 'authentication_required' ||
    error.code === 'payment_intent_authentication_failure';
  return {
    category: isAuthentication ? 'AUTHENTICATION_REQUIRED' : declineOf(error),
    code: error.code ?? null,
    declineCode: error.decline_code ?? null,
    adviceCode: error.advice_code ?? null,
    retryable: !isAuthentication && declineOf(error) === 'DECLINED_SOFT',
    requestId: null,
  };
}

function settlementOf({ balance_transaction: moved }: Stripe.Charge): Settlement | undefined {
  if (typeof moved !== 'object' || !moved) return undefined;
  return {
    reference: moved.id,
    amountMinor: moved.amount,
    feeMinor: moved.fee,
    currency: moved.currency.toUpperCase(),
  };
}

const refundWords: Readonly<Record<string, ProviderRefundStatus>> = {
  pending: 'PENDING',
  requires_action: 'REQUIRES_ACTION',
  succeeded: 'SUCCEEDED',
  failed: 'FAILED',
  canceled: 'CANCELED',
};

export function refundOf(refund: Stripe.Refund): RefundSnapshot {
  const word = refund.status ?? '';
  const settlementReference = idOf(refund.balance_transaction);
  return {
    reference: refund.id,
    paymentReference: idOf(refund.payment_intent) ?? '',
    status: Object.hasOwn(refundWords, word)
      ? (refundWords[word] ?? 'UNRECOGNIZED')
      : 'UNRECOGNIZED',
    amountMinor: refund.amount,
    currency: refund.currency.toUpperCase(),
    ...(refund.failure_reason !== undefined && { failureReason: refund.failure_reason }),
    ...(settlementReference !== null && { settlementReference }),
  };
}

export function disputeOf(dispute: Stripe.Dispute, atMs: number): DisputeSnapshot {
  const word = dispute.status.toUpperCase() as DisputeStatus;
  const due = dispute.evidence_details.due_by;
  return {
    reference: dispute.id,
    paymentReference: idOf(dispute.payment_intent),
    atMs,
    status: disputeStatuses.includes(word) ? word : 'UNRECOGNIZED',
    amountMinor: dispute.amount,
    currency: dispute.currency.toUpperCase(),
    reason: dispute.reason,
    evidenceDueMs: due === null ? null : due * 1_000,
    movements: dispute.balance_transactions.map(({ id, amount, fee }) => ({
      reference: id,
      amountMinor: amount,
      feeMinor: fee,
    })),
  };
}

function idOf(value: string | { readonly id: string } | null | undefined): string | null {
  return typeof value === 'string' ? value : (value?.id ?? null);
}
