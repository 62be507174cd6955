/** Where a dispute stands, in the words of card networks. */
export const disputeStatuses = [
  'WARNING_NEEDS_RESPONSE',
  'WARNING_UNDER_REVIEW',
  'WARNING_CLOSED',
  'NEEDS_RESPONSE',
  'UNDER_REVIEW',
  'PREVENTED',
  'WON',
  'LOST',
  'APPEAL_NEEDS_RESPONSE',
  'APPEAL_UNDER_REVIEW',
  'UNRECOGNIZED',
] as const;
export type DisputeStatus = (typeof disputeStatuses)[number];

/** Money that a dispute has moved: negative when it was withdrawn, positive when it came back. */
export interface DisputeMovement {
  readonly reference: string;
  readonly amountMinor: number;
  readonly feeMinor: number;
}

/** A dispute as the provider had it at a moment. */
export interface DisputeSnapshot {
  readonly reference: string;
  readonly paymentReference: string | null;
  readonly atMs: number;
  readonly status: DisputeStatus;
  readonly amountMinor: number;
  readonly currency: string;
  readonly reason: string;
  readonly evidenceDueMs: number | null;
  readonly movements: readonly DisputeMovement[];
}

export interface DisputeState {
  readonly status: DisputeStatus;
  readonly atMs: number;
  readonly movements: readonly DisputeMovement[];
}

const order = Object.fromEntries(
  disputeStatuses.map((status, index) => [status, status === 'UNRECOGNIZED' ? -1 : index]),
) as Record<DisputeStatus, number>;

/**
 * Takes in what was heard of a dispute. Commutative and idempotent: the status is
 * the latest by the provider's clock and, within a second, the one furthest on;
 * movements of money are a set by their reference.
 */
export function applyDispute(
  state: DisputeState | undefined,
  { status, atMs, movements }: DisputeSnapshot,
): DisputeState {
  const known = new Map(
    [...(state?.movements ?? []), ...movements].map((one) => [one.reference, one]),
  );
  const all = [...known.values()].sort((a, b) => (a.reference < b.reference ? -1 : 1));
  const isLater = !state || (atMs - state.atMs || order[status] - order[state.status]) > 0;
  return isLater ? { status, atMs, movements: all } : { ...state, movements: all };
}

/** Every change that may be written: a decided dispute is opened again by an appeal only. */
export function mayMoveDispute(from: DisputeStatus, to: DisputeStatus): boolean {
  if (from === to) return false;
  const decided = from === 'WON' || from === 'LOST';
  if (decided)
    return to === 'WON' || to === 'LOST' || to.startsWith('APPEAL') || to === 'UNRECOGNIZED';
  return true;
}

/** What disputes have taken of a payment and not given back. */
export function withdrawnMinor({ movements }: Pick<DisputeState, 'movements'>): number {
  return Math.max(0, -movements.reduce((sum, { amountMinor }) => sum + amountMinor, 0));
}
