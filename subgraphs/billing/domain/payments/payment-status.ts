/**
 * Where a payment stands, as everybody is told.
 *
 * OUTCOME_UNKNOWN: something was asked of the provider and no answer came.
 * CONFLICTED: what the provider has is not what was asked for; a person decides.
 * UNRECOGNIZED: the provider uses a word that this release does not know.
 */
export const paymentStatuses = [
  'CREATED',
  'REQUIRES_PAYMENT_METHOD',
  'REQUIRES_CONFIRMATION',
  'REQUIRES_ACTION',
  'PROCESSING',
  'REQUIRES_CAPTURE',
  'PARTIALLY_CAPTURED',
  'SUCCEEDED',
  'CANCELED',
  'FAILED',
  'EXPIRED',
  'OUTCOME_UNKNOWN',
  'CONFLICTED',
  'UNRECOGNIZED',
] as const;
export type PaymentStatus = (typeof paymentStatuses)[number];

/** Where the provider says a payment stands: a word of ours for each of its words. */
export type ProviderStatus = Extract<
  PaymentStatus,
  | 'REQUIRES_PAYMENT_METHOD'
  | 'REQUIRES_CONFIRMATION'
  | 'REQUIRES_ACTION'
  | 'PROCESSING'
  | 'REQUIRES_CAPTURE'
  | 'SUCCEEDED'
  | 'CANCELED'
  | 'EXPIRED'
  | 'UNRECOGNIZED'
>;

const over: ReadonlySet<PaymentStatus> = new Set([
  'PARTIALLY_CAPTURED',
  'SUCCEEDED',
  'CANCELED',
  'FAILED',
  'EXPIRED',
  'CONFLICTED',
]);

const fromOpen = paymentStatuses.filter((status) => status !== 'CREATED');

/**
 * Every change of status that may be written. Between two open states any may
 * follow, since news of those between may be lost or late; nothing goes back to
 * CREATED. Of what is over, a payment captured in part may be captured whole, and
 * one that was cancelled and has taken money after all is CONFLICTED. Money that
 * is in the books stays SUCCEEDED: a contradiction is a break for a person.
 */
export const paymentMoves: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  CREATED: fromOpen,
  REQUIRES_PAYMENT_METHOD: fromOpen,
  REQUIRES_CONFIRMATION: fromOpen,
  REQUIRES_ACTION: fromOpen,
  PROCESSING: fromOpen,
  REQUIRES_CAPTURE: fromOpen,
  OUTCOME_UNKNOWN: fromOpen,
  UNRECOGNIZED: fromOpen,
  PARTIALLY_CAPTURED: ['SUCCEEDED'],
  SUCCEEDED: [],
  CANCELED: ['CONFLICTED'],
  EXPIRED: ['CONFLICTED'],
  FAILED: ['CONFLICTED'],
  CONFLICTED: [],
};

export function mayMove(from: PaymentStatus, to: PaymentStatus): boolean {
  return from !== to && paymentMoves[from].includes(to);
}

/** Whether nothing more is expected of the payment itself; refunds and disputes may follow. */
export function isPaymentOver(status: PaymentStatus): boolean {
  return over.has(status);
}
