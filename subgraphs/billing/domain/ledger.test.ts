import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { money } from '../../shared/money.ts';
import { settle } from './hold.ts';
import type { Posting } from './ledger.ts';
import { ledgerAccounts, postGrant, postHold, postRelease, postSettlement } from './ledger.ts';

const usd = (amountMinor: number) => money(amountMinor, 'USD');
const amounts = fc.integer({ min: 0, max: 1_000_000 });
const sum = (postings: readonly Posting[]) =>
  postings.reduce((total, posting) => total + posting.amountMinor, 0);

describe('the ledger', () => {
  it('adds up to zero in every transaction, and has no entry of zero', () => {
    fc.assert(
      fc.property(amounts, amounts, (first, second) => {
        const transactions = [
          postGrant(first),
          postHold(first),
          postRelease(first),
          postSettlement(settle(usd(first), usd(second))),
        ];
        return transactions.every(
          (postings) =>
            sum(postings) === 0 && postings.every((posting) => posting.amountMinor !== 0),
        );
      }),
    );
  });

  it('names its accounts in one order, so that two transactions never deadlock', () => {
    const settlement = postSettlement(settle(usd(10), usd(4)));
    expect(settlement).toEqual([
      { account: 'credit', amountMinor: 6 },
      { account: 'held', amountMinor: -10 },
      { account: 'revenue', amountMinor: 4 },
    ]);
    expect([...ledgerAccounts]).toEqual([...ledgerAccounts].sort());
  });

  it('takes what a hold does not cover from credit', () => {
    expect(postSettlement(settle(usd(0), usd(5)))).toEqual([
      { account: 'credit', amountMinor: -5 },
      { account: 'revenue', amountMinor: 5 },
    ]);
  });
});
