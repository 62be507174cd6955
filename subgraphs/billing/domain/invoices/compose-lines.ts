import { decimal, rounded, share, zero } from '../pricing/decimal.ts';
import type { Decimal } from '../pricing/decimal.ts';
import type { Charge } from '../pricing/plan.ts';
import { priceOf } from '../pricing/price.ts';

/** A stretch of a period in which one version of a plan was in force. */
export interface Phase {
  readonly from: Date;
  readonly to: Date;
  readonly charges: readonly Charge[];
}

/** One thing charged for one stretch of time. */
export interface ChargeUse {
  readonly charge: Charge;
  readonly from: Date;
  readonly to: Date;
}

export interface Line {
  readonly kind: 'CHARGE' | 'ADJUSTMENT';
  readonly chargeKey: string;
  readonly label: string;
  readonly meterId: string | null;
  /** A decimal; null for what has no quantity. */
  readonly quantity: string | null;
  readonly from: Date;
  readonly to: Date;
  readonly amountMinor: number;
}

/** What is charged in a period: each charge of each version, for the time it was in force. */
export function chargesOf(phases: readonly Phase[]): readonly ChargeUse[] {
  return phases.flatMap(({ from, to, charges }) =>
    from < to ? charges.map((charge) => ({ charge, from, to })) : [],
  );
}

/**
 * The amount for a charge over its time. What is due for a whole period is due in
 * part for a part of it; what was used is charged as it was used. Rounded once.
 */
export function chargeAmount(
  { charge, from, to }: ChargeUse,
  quantity: string | null,
  period: { readonly from: Date; readonly to: Date },
): number {
  const used = quantity === null ? zero : decimal(quantity);
  const part = (amount: Decimal): Decimal =>
    share(amount, lengthOf({ from, to }), lengthOf(period));
  const { price } = charge;
  if (price.kind === 'FLAT') return rounded(part(priceOf(price, zero)));
  if (price.kind === 'COMMITMENT') {
    return Math.max(rounded(part(decimal(price.amount))), rounded(priceOf(price.price, used)));
  }
  return rounded(priceOf(price, used));
}

function lengthOf({ from, to }: { readonly from: Date; readonly to: Date }): bigint {
  return BigInt(to.getTime() - from.getTime());
}

/** What has been billed for a charge and its time, by all invoices together. */
export interface Billed {
  readonly quantity: string | null;
  readonly amountMinor: number;
}

/**
 * The line for usage that came, or was corrected, after its period was billed:
 * the difference to what is due now, so that over time the same is billed as if
 * it had come at once. None when nothing has changed.
 */
export function adjustmentLine(
  use: ChargeUse,
  billed: Billed,
  quantity: string | null,
  period: { readonly from: Date; readonly to: Date },
): Line | undefined {
  const amountMinor = chargeAmount(use, quantity, period) - billed.amountMinor;
  if (amountMinor === 0) return undefined;
  return { ...lineOf(use, quantity, amountMinor), kind: 'ADJUSTMENT' };
}

export function lineOf(
  { charge, from, to }: ChargeUse,
  quantity: string | null,
  amountMinor: number,
): Line {
  const { key, label, meterId } = charge;
  return { kind: 'CHARGE', chargeKey: key, label, meterId, quantity, from, to, amountMinor };
}
