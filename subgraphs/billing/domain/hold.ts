import { compare, money } from '../../shared/money.ts';
import type { MoneyAmount } from '../../shared/money.ts';
import type { PriceList } from './price-list.ts';
import { priceUsage } from './usage-price.ts';

/**
 * `placed`: credit is kept aside. `refused`: there was not enough. `released`:
 * the attempt never ran. `settled`: it ran and was charged. The last three
 * keep nothing aside and never change again, except that usage which arrives
 * late still settles them: work that was done is paid.
 */
export const holdStates = ['placed', 'refused', 'released', 'settled'] as const;
export type HoldState = (typeof holdStates)[number];

/** Why a hold was not placed: the words the job's reason shows to its owner. */
export type HoldRefusal = 'INSUFFICIENT_CREDIT' | 'ATTEMPT_ALREADY_OVER';

export type HoldDecision =
  | { readonly kind: 'placed'; readonly amountMinor: number }
  | {
      readonly kind: 'refused';
      readonly reason: HoldRefusal;
      readonly message: string;
      readonly amountMinor: number;
    };

/** What an attempt asked for before it ran. */
export interface AttemptLimits {
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  readonly timeoutSeconds: number;
}

/** The most an attempt can cost: its resources for all of its time. */
export function holdAmount(limits: AttemptLimits, list: PriceList): MoneyAmount {
  const { cpuMillicores, memoryMib, timeoutSeconds } = limits;
  return priceUsage({ cpuMillicores, memoryMib, billableMs: timeoutSeconds * 1000 }, list);
}

/**
 * Decides whether credit is kept aside for an attempt.
 *
 * Only credit that no other attempt holds counts, so attempts that race can
 * together never be promised more than the tenant has.
 */
export function decideHold(available: MoneyAmount, amount: MoneyAmount): HoldDecision {
  if (compare(available, amount) >= 0) return { kind: 'placed', amountMinor: amount.amountMinor };
  return {
    kind: 'refused',
    reason: 'INSUFFICIENT_CREDIT',
    message: 'The credit left is less than the job can cost. Add credit or lower its limits.',
    amountMinor: amount.amountMinor,
  };
}

/** The answer for an attempt that ended before its hold was asked for. */
export const refuseEndedAttempt: HoldDecision = {
  kind: 'refused',
  reason: 'ATTEMPT_ALREADY_OVER',
  message: 'The attempt ended before credit was asked for.',
  amountMinor: 0,
};

export interface Settlement {
  readonly chargeMinor: number;
  /** Goes from the hold to the provider of the service. */
  readonly fromHoldMinor: number;
  /** Goes back from the hold to the tenant. */
  readonly releaseMinor: number;
  /** Is taken from credit because the hold did not cover it. */
  readonly overMinor: number;
}

/**
 * Settles a charge against what was held: the tenant pays the true usage,
 * be it less or more than was held, and nothing stays held.
 */
export function settle(held: MoneyAmount, charge: MoneyAmount): Settlement {
  const heldMinor = compare(held, money(0, held.currency)) > 0 ? held.amountMinor : 0;
  const fromHoldMinor = compare(charge, held) <= 0 ? charge.amountMinor : heldMinor;
  return {
    chargeMinor: charge.amountMinor,
    fromHoldMinor,
    releaseMinor: heldMinor - fromHoldMinor,
    overMinor: charge.amountMinor - fromHoldMinor,
  };
}
