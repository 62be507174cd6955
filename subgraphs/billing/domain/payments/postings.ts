import type { Posting } from '../ledger/transaction.ts';

/*
 * What payments do to the books. What a payer paid stands in clearing until the
 * provider has it in our balance, less its fee; it is credited to receivable,
 * where an invoice that it pays is debited. Positive credits, negative debits.
 */

/** Money of a payer was taken. */
export function postCapture(amountMinor: number, currency: string): readonly Posting[] {
  return entries(currency, { clearing: -amountMinor, receivable: amountMinor });
}

/** The provider has what it took in our balance, less its fee. */
export function postSettlement(
  { amountMinor, feeMinor }: { readonly amountMinor: number; readonly feeMinor: number },
  currency: string,
): readonly Posting[] {
  return entries(currency, {
    cash: -(amountMinor - feeMinor),
    fees: -feeMinor,
    clearing: amountMinor,
  });
}

/** Money went back to a payer. */
export function postRefundPaid(amountMinor: number, currency: string): readonly Posting[] {
  return entries(currency, { refunds: -amountMinor, cash: amountMinor });
}

/** A dispute took money (negative) or gave it back, and what it cost. */
export function postDisputeMoved(
  { amountMinor, feeMinor }: { readonly amountMinor: number; readonly feeMinor: number },
  currency: string,
): readonly Posting[] {
  return entries(currency, {
    cash: -(amountMinor - feeMinor),
    fees: -feeMinor,
    disputes: amountMinor,
  });
}

/** What a dispute holds is lost. */
export function postDisputeLost(withdrawnMinor: number, currency: string): readonly Posting[] {
  return entries(currency, { losses: -withdrawnMinor, disputes: withdrawnMinor });
}

/** The provider has paid out to a bank. */
export function postPayout(amountMinor: number, currency: string): readonly Posting[] {
  return entries(currency, { bank: -amountMinor, cash: amountMinor });
}

function entries(
  currency: string,
  amounts: Partial<Record<Posting['account'], number>>,
): readonly Posting[] {
  return Object.entries(amounts)
    .filter(([, amountMinor]) => amountMinor !== 0)
    .map(([account, amountMinor]) => ({
      account: account as Posting['account'],
      amountMinor,
      currency,
    }));
}
