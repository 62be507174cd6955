import { ForgeError } from '../../shared/errors.ts';
import type { Settlement } from './hold.ts';

/**
 * The accounts of one tenant. `credit` is what it may still spend, `held` what
 * is kept aside for attempts under way, `revenue` what it has paid for, and
 * `funding` where its credit came from. Together they are always zero.
 */
export const ledgerAccounts = ['credit', 'funding', 'held', 'revenue'] as const;
export type LedgerAccount = (typeof ledgerAccounts)[number];

export interface Posting {
  readonly account: LedgerAccount;
  /** Positive adds to the account, negative takes from it; never zero. */
  readonly amountMinor: number;
}

export const transactionKinds = [
  'opening-credit',
  'hold-placed',
  'hold-released',
  'charge-settled',
] as const;
export type TransactionKind = (typeof transactionKinds)[number];

/** Credit given to a tenant. */
export function postGrant(amountMinor: number): readonly Posting[] {
  return balanced({ funding: -amountMinor, credit: amountMinor });
}

/** Credit set aside for an attempt. */
export function postHold(amountMinor: number): readonly Posting[] {
  return balanced({ credit: -amountMinor, held: amountMinor });
}

/** A hold given back whole. */
export function postRelease(amountMinor: number): readonly Posting[] {
  return balanced({ held: -amountMinor, credit: amountMinor });
}

/** A charge paid from its hold and, where the hold falls short, from credit. */
export function postSettlement(settlement: Settlement): readonly Posting[] {
  const { chargeMinor, fromHoldMinor, releaseMinor, overMinor } = settlement;
  return balanced({
    held: -(fromHoldMinor + releaseMinor),
    credit: releaseMinor - overMinor,
    revenue: chargeMinor,
  });
}

/** Postings in the order in which accounts are locked, so that two transactions never deadlock. */
function balanced(amounts: Partial<Record<LedgerAccount, number>>): readonly Posting[] {
  const postings = ledgerAccounts
    .map((account) => ({ account, amountMinor: amounts[account] ?? 0 }))
    .filter((posting) => posting.amountMinor !== 0);
  const sum = postings.reduce((total, posting) => total + posting.amountMinor, 0);
  if (sum !== 0) throw new ForgeError('INTERNAL', `Postings are off balance by ${String(sum)}.`);
  return postings;
}
