import { ForgeError } from '../../../shared/errors.ts';
import type { MoneyAmount } from '../../../shared/money.ts';
import type { Settlement } from '../hold.ts';
import type { Posting } from './transaction.ts';

/** Credit given to a tenant. */
export function postGrant({ amountMinor, currency }: MoneyAmount): readonly Posting[] {
  return balanced({ funding: -amountMinor, credit: amountMinor }, currency);
}

/** Credit set aside for an attempt. */
export function postHold({ amountMinor, currency }: MoneyAmount): readonly Posting[] {
  return balanced({ credit: -amountMinor, held: amountMinor }, currency);
}

/** A hold given back whole. */
export function postRelease({ amountMinor, currency }: MoneyAmount): readonly Posting[] {
  return balanced({ held: -amountMinor, credit: amountMinor }, currency);
}

/** A charge paid from its hold and, where the hold falls short, from credit. */
export function postSettlement(settlement: Settlement, currency: string): readonly Posting[] {
  const { chargeMinor, fromHoldMinor, releaseMinor, overMinor } = settlement;
  return balanced(
    {
      held: -(fromHoldMinor + releaseMinor),
      credit: releaseMinor - overMinor,
      revenue: chargeMinor,
    },
    currency,
  );
}

const creditAccounts = ['credit', 'funding', 'held', 'revenue'] as const;

function balanced(
  amounts: Partial<Record<(typeof creditAccounts)[number], number>>,
  currency: string,
): readonly Posting[] {
  const postings = creditAccounts
    .map((account) => ({ account, amountMinor: amounts[account] ?? 0, currency }))
    .filter((posting) => posting.amountMinor !== 0);
  const sum = postings.reduce((total, posting) => total + posting.amountMinor, 0);
  if (sum !== 0) throw new ForgeError('INTERNAL', `Postings are off balance by ${String(sum)}.`);
  return postings;
}
