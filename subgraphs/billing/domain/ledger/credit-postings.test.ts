import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { money } from '../../../shared/money.ts';
import { settle } from '../hold.ts';
import { postGrant, postHold, postRelease, postSettlement } from './credit-postings.ts';
import { checkBalanced, reversed } from './transaction.ts';
import type { Posting } from './transaction.ts';

const usd = (amountMinor: number) => money(amountMinor, 'USD');
const amounts = fc.integer({ min: 1, max: 1_000_000 });
const draft = (postings: readonly Posting[]) => ({
  kind: 'test',
  source: 'test',
  postings,
  at: new Date(0),
});

describe('movements of credit', () => {
  it('add up to zero in every transaction, and have no entry of zero', () => {
    fc.assert(
      fc.property(amounts, amounts, (first, second) => {
        const transactions = [
          postGrant(usd(first)),
          postHold(usd(first)),
          postRelease(usd(first)),
          postSettlement(settle(usd(first), usd(second)), 'USD'),
        ];
        for (const postings of transactions) checkBalanced(draft(postings));
      }),
    );
  });

  it('take what a hold does not cover from credit', () => {
    expect(postSettlement(settle(usd(0), usd(5)), 'USD')).toEqual([
      { account: 'credit', amountMinor: -5, currency: 'USD' },
      { account: 'revenue', amountMinor: 5, currency: 'USD' },
    ]);
  });
});

describe('a transaction', () => {
  const posting = (amountMinor: number, more: Partial<Posting> = {}): Posting => ({
    account: 'cash',
    amountMinor,
    currency: 'USD',
    ...more,
  });

  it.each([
    ['without entries', []],
    ['off by one', [posting(5), posting(-4)]],
    ['that balances across currencies only', [posting(5), posting(-5, { currency: 'EUR' })]],
    ['that balances with pending money only', [posting(5), posting(-5, { pending: true })]],
    ['of a fraction', [posting(0.5), posting(-0.5)]],
    ['with an entry of zero', [posting(0)]],
  ])('is refused: one %s', (_what, postings) => {
    expect(() => {
      checkBalanced(draft(postings));
    }).toThrow();
  });

  it('and what takes it back leave nothing, in every currency and layer', () => {
    const postings = fc.array(
      fc.record({
        account: fc.constantFrom('cash', 'revenue', 'fees'),
        amountMinor: amounts,
        currency: fc.constantFrom('USD', 'JPY'),
        pending: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(postings, (some) => {
        const all = [...some, ...reversed(some)] as readonly Posting[];
        if (all.length > 0) checkBalanced(draft(all));
      }),
    );
  });
});
