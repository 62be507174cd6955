import type { PaymentStatus } from './payment-status.ts';

/** The money of a payment, as decisions are made by. Refunds that may still succeed count as made. */
export interface PaymentBalance {
  readonly status: PaymentStatus;
  readonly amountMinor: number;
  readonly capturableMinor: number;
  readonly capturedMinor: number;
  readonly refundReservedMinor: number;
  readonly disputedMinor: number;
}

export type Decision =
  | { readonly kind: 'accepted'; readonly amountMinor: number }
  | { readonly kind: 'invalid-state'; readonly allowed: readonly PaymentStatus[] }
  | { readonly kind: 'exceeds'; readonly availableMinor: number }
  | { readonly kind: 'not-positive' };

const cancellable: readonly PaymentStatus[] = [
  'CREATED',
  'REQUIRES_PAYMENT_METHOD',
  'REQUIRES_CONFIRMATION',
  'REQUIRES_ACTION',
  'PROCESSING',
  'REQUIRES_CAPTURE',
];
const confirmable: readonly PaymentStatus[] = [
  'REQUIRES_PAYMENT_METHOD',
  'REQUIRES_CONFIRMATION',
  'REQUIRES_ACTION',
];
const refundable: readonly PaymentStatus[] = ['SUCCEEDED', 'PARTIALLY_CAPTURED'];

/** Decides whether a payment may be captured, and for how much: all that is left without an amount. */
export function decideCapture(payment: PaymentBalance, requestedMinor: number | null): Decision {
  if (payment.status !== 'REQUIRES_CAPTURE') {
    return { kind: 'invalid-state', allowed: ['REQUIRES_CAPTURE'] };
  }
  return within(requestedMinor ?? payment.capturableMinor, payment.capturableMinor);
}

export function decideConfirm({ status, amountMinor }: PaymentBalance): Decision {
  return confirmable.includes(status)
    ? { kind: 'accepted', amountMinor }
    : { kind: 'invalid-state', allowed: confirmable };
}

export function decideCancel({ status, amountMinor }: PaymentBalance): Decision {
  return cancellable.includes(status)
    ? { kind: 'accepted', amountMinor }
    : { kind: 'invalid-state', allowed: cancellable };
}

/**
 * Decides whether a refund may start, and for how much. Refunds under way and
 * money held by disputes count as given back, because they may still be: requests
 * that race can then never return more than was captured.
 */
export function decideRefund(payment: PaymentBalance, requestedMinor: number | null): Decision {
  if (!refundable.includes(payment.status)) return { kind: 'invalid-state', allowed: refundable };
  const availableMinor = Math.max(
    0,
    payment.capturedMinor - payment.refundReservedMinor - payment.disputedMinor,
  );
  return within(requestedMinor ?? availableMinor, availableMinor);
}

/** From this on, a refund waits for somebody else's yes. In minor units of its currency. */
export const approvalFromMinor = 1_000_00;

export function needsApproval(amountMinor: number): boolean {
  return amountMinor >= approvalFromMinor;
}

function within(amountMinor: number, availableMinor: number): Decision {
  if (amountMinor > availableMinor) return { kind: 'exceeds', availableMinor };
  if (amountMinor <= 0) return { kind: 'not-positive' };
  return { kind: 'accepted', amountMinor };
}
