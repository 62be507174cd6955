import type { Decimal } from './decimal.ts';
import {
  compareDecimals,
  decimal,
  isDecimal,
  larger,
  minus,
  plus,
  smaller,
  times,
  wholesIn,
  zero,
} from './decimal.ts';

/** Decimals of minor units, as texts: a tenth of a cent for a token is `0.1`. */
export interface Tier {
  /** The last quantity of the tier; null for the last tier, which has no end. */
  readonly upTo: string | null;
  readonly unitAmount: string;
  /** Once for whoever reaches the tier. */
  readonly flatAmount?: string | undefined;
}

/**
 * How a quantity becomes an amount. GRADUATED: each part at the price of its own
 * tier. VOLUME: all at the price of the tier that the whole reaches. PACKAGE: by
 * packages begun. PERCENTAGE: a share of an amount, within bounds. COST_PLUS: an
 * amount that was paid for, and a markup. COMMITMENT: what was promised, or what
 * was used if that is more.
 */
export type Price =
  | { readonly kind: 'FLAT'; readonly amount: string }
  | { readonly kind: 'UNIT'; readonly unitAmount: string }
  | { readonly kind: 'GRADUATED' | 'VOLUME'; readonly tiers: readonly Tier[] }
  | {
      readonly kind: 'PACKAGE';
      readonly packageSize: string;
      readonly packageAmount: string;
      readonly freeUnits?: string | undefined;
    }
  | {
      readonly kind: 'PERCENTAGE';
      readonly percent: string;
      readonly minimum?: string | undefined;
      readonly maximum?: string | undefined;
    }
  | { readonly kind: 'COST_PLUS'; readonly markupPercent: string }
  | {
      readonly kind: 'COMMITMENT';
      readonly amount: string;
      readonly price: Exclude<Price, { kind: 'COMMITMENT' | 'FLAT' }>;
    };
export type PriceKind = Price['kind'];

/** The exact amount for a quantity, in minor units; it is rounded once, where it is charged. */
export function priceOf(price: Price, quantity: Decimal): Decimal {
  switch (price.kind) {
    case 'FLAT':
      return decimal(price.amount);
    case 'UNIT':
      return times(quantity, decimal(price.unitAmount));
    case 'GRADUATED':
      return graduated(price.tiers, quantity);
    case 'VOLUME':
      return volume(price.tiers, quantity);
    case 'PACKAGE': {
      const charged = minus(quantity, decimal(price.freeUnits ?? '0'));
      const packages = wholesIn(charged, decimal(price.packageSize));
      return times({ units: packages, scale: 0 }, decimal(price.packageAmount));
    }
    case 'PERCENTAGE': {
      const amount = percentOf(quantity, price.percent);
      if (quantity.units === 0n) return zero;
      const floored = price.minimum === undefined ? amount : larger(amount, decimal(price.minimum));
      return price.maximum === undefined ? floored : smaller(floored, decimal(price.maximum));
    }
    case 'COST_PLUS':
      return plus(quantity, percentOf(quantity, price.markupPercent));
    case 'COMMITMENT':
      return larger(decimal(price.amount), priceOf(price.price, quantity));
  }
}

function graduated(tiers: readonly Tier[], quantity: Decimal): Decimal {
  let total = zero;
  let from = zero;
  for (const [index, { upTo, unitAmount, flatAmount = '0' }] of tiers.entries()) {
    if (index > 0 && compareDecimals(quantity, from) <= 0) break;
    const to = upTo === null ? quantity : smaller(quantity, decimal(upTo));
    const part = larger(minus(to, from), zero);
    const reached = quantity.units > 0n;
    total = plus(total, times(part, decimal(unitAmount)));
    if (reached) total = plus(total, decimal(flatAmount));
    from = upTo === null ? quantity : decimal(upTo);
  }
  return total;
}

function volume(tiers: readonly Tier[], quantity: Decimal): Decimal {
  if (quantity.units <= 0n) return zero;
  const tier = tiers.find(
    ({ upTo }) => upTo === null || compareDecimals(quantity, decimal(upTo)) <= 0,
  );
  if (!tier) return zero;
  return plus(times(quantity, decimal(tier.unitAmount)), decimal(tier.flatAmount ?? '0'));
}

function percentOf(amount: Decimal, percent: string): Decimal {
  const product = times(amount, decimal(percent));
  return { units: product.units, scale: product.scale + 2 };
}

/** Says what is wrong with a price; nothing for one that can be charged. */
export function priceProblem(price: Price): string | undefined {
  switch (price.kind) {
    case 'FLAT':
      return notNegative('amount', price.amount);
    case 'UNIT':
      return notNegative('unitAmount', price.unitAmount);
    case 'GRADUATED':
    case 'VOLUME':
      return tierProblem(price.tiers);
    case 'PACKAGE':
      return (
        notNegative('packageAmount', price.packageAmount) ??
        notNegative('freeUnits', price.freeUnits) ??
        positive('packageSize', price.packageSize)
      );
    case 'PERCENTAGE':
      return (
        notNegative('percent', price.percent) ??
        notNegative('minimum', price.minimum) ??
        notNegative('maximum', price.maximum)
      );
    case 'COST_PLUS':
      return notNegative('markupPercent', price.markupPercent);
    case 'COMMITMENT':
      return notNegative('amount', price.amount) ?? priceProblem(price.price);
  }
}

const tiersMax = 50;

function tierProblem(tiers: readonly Tier[]): string | undefined {
  if (tiers.length === 0 || tiers.length > tiersMax) return `has 1 to ${String(tiersMax)} tiers`;
  let from = zero;
  for (const [index, { upTo, unitAmount, flatAmount }] of tiers.entries()) {
    const problem = notNegative('unitAmount', unitAmount) ?? notNegative('flatAmount', flatAmount);
    if (problem !== undefined) return problem;
    const last = index === tiers.length - 1;
    if ((upTo === null) !== last) return 'has one tier without an end, the last one';
    if (upTo === null) continue;
    if (!isDecimal(upTo) || compareDecimals(decimal(upTo), from) <= 0) return 'has tiers that grow';
    from = decimal(upTo);
  }
  return undefined;
}

function notNegative(field: string, text: string | undefined): string | undefined {
  if (text === undefined || (isDecimal(text) && decimal(text).units >= 0n)) return undefined;
  return `has a "${field}" that is a decimal of zero or more`;
}

function positive(field: string, text: string): string | undefined {
  if (isDecimal(text) && decimal(text).units > 0n) return undefined;
  return `has a "${field}" that is a decimal of more than zero`;
}
