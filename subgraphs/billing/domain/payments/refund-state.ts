/** Where a refund stands. REQUESTED waits for an approval, or for the provider's first answer. */
export const refundStatuses = [
  'REQUESTED',
  'PENDING',
  'REQUIRES_ACTION',
  'SUCCEEDED',
  'CANCELED',
  'FAILED',
  'OUTCOME_UNKNOWN',
  'UNRECOGNIZED',
] as const;
export type RefundStatus = (typeof refundStatuses)[number];

export type ProviderRefundStatus = Exclude<RefundStatus, 'REQUESTED' | 'OUTCOME_UNKNOWN'>;

/** A refund as the provider had it, whoever told of it. */
export interface RefundSnapshot {
  readonly reference: string;
  readonly paymentReference: string;
  readonly status: ProviderRefundStatus;
  readonly amountMinor: number;
  readonly currency: string;
  readonly failureReason?: string;
  /** The balance transaction by which the money left the provider. */
  readonly settlementReference?: string;
}

/**
 * How far a refund is on its way. It only ever goes on: the provider's word for
 * one that failed after it had succeeded stands behind success, so that the
 * greatest word ever heard is the true one, in whatever order they come.
 */
const order: Readonly<Record<RefundStatus, number>> = {
  REQUESTED: 0,
  OUTCOME_UNKNOWN: 1,
  UNRECOGNIZED: 2,
  PENDING: 3,
  REQUIRES_ACTION: 4,
  SUCCEEDED: 5,
  CANCELED: 6,
  FAILED: 7,
};

/** Takes in a word about a refund. Commutative, associative and idempotent. */
export function laterRefund<S extends RefundStatus>(known: S, told: S): S {
  return order[told] > order[known] ? told : known;
}

/** Every change that may be written. SUCCEEDED may still fail: the bank sent the money back. */
export const refundMoves: Readonly<Record<RefundStatus, readonly RefundStatus[]>> =
  Object.fromEntries(
    refundStatuses.map((from) => [from, refundStatuses.filter((to) => order[to] > order[from])]),
  ) as unknown as Record<RefundStatus, readonly RefundStatus[]>;
