import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applyDispute, disputeStatuses, withdrawnMinor } from './dispute-state.ts';
import type { DisputeSnapshot } from './dispute-state.ts';
import { mayFailOver } from './operation.ts';
import { apply, nothingHeard, statusOf } from './payment-state.ts';
import type { PaymentSnapshot } from './payment-state.ts';
import { isPaymentOver, mayMove, paymentMoves, paymentStatuses } from './payment-status.ts';
import type { ProviderFailure } from './provider-error.ts';
import { laterRefund, refundMoves, refundStatuses } from './refund-state.ts';

const asked = { amountMinor: 1_000, currency: 'USD' };
const ours = { unknownOutcome: false, refused: false };
const failure: ProviderFailure = {
  category: 'DECLINED_SOFT',
  ...{ code: 'card_declined', declineCode: null, adviceCode: null, requestId: null },
  retryable: true,
};

const heard = (change: Partial<PaymentSnapshot> = {}): PaymentSnapshot => ({
  reference: 'pi_1',
  atMs: 1_000,
  status: 'PROCESSING',
  word: 'processing',
  ...asked,
  capturableMinor: 0,
  capturedMinor: 0,
  ...change,
});

const facts: fc.Arbitrary<PaymentSnapshot> = fc
  .record({
    atMs: fc.integer({ min: 0, max: 4 }).map((second) => second * 1_000),
    status: fc.constantFrom(
      'REQUIRES_PAYMENT_METHOD',
      'REQUIRES_ACTION',
      'PROCESSING',
      'REQUIRES_CAPTURE',
      'SUCCEEDED',
      'CANCELED',
      'UNRECOGNIZED',
    ),
    amountMinor: fc.constantFrom(1_000, 1_000, 1_000, 999),
    capturedMinor: fc.constantFrom(0, 400, 1_000),
    capturableMinor: fc.constantFrom(0, 1_000),
    isFailed: fc.boolean(),
    settled: fc.option(fc.constantFrom('txn_1', 'txn_2'), { nil: undefined }),
  })
  .map(({ isFailed, settled, ...fact }) =>
    heard({
      ...(fact as Partial<PaymentSnapshot>),
      ...(isFailed && { failure }),
      ...(settled !== undefined && {
        settlement: { reference: settled, amountMinor: 400, feeMinor: 40, currency: 'USD' },
      }),
    }),
  );

const all = (list: readonly PaymentSnapshot[]) => list.reduce(apply, nothingHeard(asked));

describe('what is known of a payment', () => {
  it('is the same whatever the order of facts, their duplicates and who brought them', () => {
    const shuffled = fc
      .array(facts, { minLength: 1, maxLength: 8 })
      .chain((list) =>
        fc.tuple(
          fc.constant(list),
          fc.shuffledSubarray(list, { minLength: list.length }),
          fc.array(fc.constantFrom(...list), { maxLength: 5 }),
        ),
      );
    fc.assert(
      fc.property(shuffled, ([list, order, more]) => {
        expect(all([...order, ...more])).toEqual(all(list));
      }),
      { numRuns: 500 },
    );
  });

  it('never loses money that was seen, and never counts it twice', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1 }), (list) => {
        const most = Math.max(...list.map(({ capturedMinor }) => capturedMinor));
        expect(all([...list, ...list]).capturedMinor).toBe(most);
      }),
    );
  });

  it('is in conflict when amount, currency or payment is another one, and stays so', () => {
    const right = heard({ status: 'SUCCEEDED', capturedMinor: 1_000 });
    for (const wrong of [{ amountMinor: 999 }, { currency: 'EUR' }, { reference: 'pi_2' }]) {
      expect(statusOf(all([right, heard(wrong)]), ours)).toBe('CONFLICTED');
      expect(statusOf(all([heard(wrong), right]), ours)).toBe('CONFLICTED');
    }
  });

  it('takes a word that nobody knows as it is, without an error', () => {
    const state = all([heard({ status: 'UNRECOGNIZED', word: 'requires_moon_phase' })]);
    expect(statusOf(state, ours)).toBe('UNRECOGNIZED');
    expect(state.latest?.word).toBe('requires_moon_phase');
  });

  it.each([
    ['a call without an answer hides what was seen before it', [heard()], true, 'OUTCOME_UNKNOWN'],
    [
      'an end is an end, with calls under way',
      [heard({ status: 'SUCCEEDED', capturedMinor: 1_000 })],
      true,
      'SUCCEEDED',
    ],
    [
      'a part that was taken is a part',
      [heard({ status: 'SUCCEEDED', capturedMinor: 1 })],
      false,
      'PARTIALLY_CAPTURED',
    ],
    [
      'a failed try of the same second stands behind the try',
      [heard(), heard({ status: 'REQUIRES_PAYMENT_METHOD', failure })],
      false,
      'REQUIRES_PAYMENT_METHOD',
    ],
    ['nothing heard is nothing', [], false, 'CREATED'],
  ] as const)('%s', (_what, list, unknownOutcome, status) => {
    expect(statusOf(all(list), { unknownOutcome, refused: false })).toBe(status);
  });
});

describe('the machine of a payment', () => {
  it('says of every status where it may go, and never back to the beginning', () => {
    expect(Object.keys(paymentMoves).sort()).toEqual([...paymentStatuses].sort());
    for (const from of paymentStatuses) {
      expect(mayMove(from, from)).toBe(false);
      expect(mayMove(from, 'CREATED')).toBe(false);
    }
  });

  it('lets nothing that is over go on, but for what is listed', () => {
    const moves = paymentStatuses
      .filter(isPaymentOver)
      .flatMap((from) => paymentMoves[from].map((to) => `${from} ${to}`));
    expect(moves).toEqual([
      'PARTIALLY_CAPTURED SUCCEEDED',
      'CANCELED CONFLICTED',
      'FAILED CONFLICTED',
      'EXPIRED CONFLICTED',
    ]);
  });
});

describe('what is known of a refund', () => {
  const statuses = fc.constantFrom(...refundStatuses);

  it('is the furthest that was ever heard, in any order', () => {
    fc.assert(
      fc.property(statuses, statuses, statuses, (a, b, c) => {
        expect(laterRefund(laterRefund(a, b), c)).toBe(laterRefund(a, laterRefund(c, b)));
      }),
    );
  });

  it('may fail after it had succeeded, and goes nowhere from there', () => {
    expect(refundMoves.SUCCEEDED).toContain('FAILED');
    expect(refundMoves.FAILED).toEqual([]);
  });
});

describe('what is known of a dispute', () => {
  const snapshots: fc.Arbitrary<DisputeSnapshot> = fc.record({
    reference: fc.constant('dp_1'),
    paymentReference: fc.constant('pi_1'),
    atMs: fc.integer({ min: 0, max: 3 }),
    status: fc.constantFrom(...disputeStatuses),
    amountMinor: fc.constant(1_000),
    currency: fc.constant('USD'),
    reason: fc.constant('fraudulent'),
    evidenceDueMs: fc.constant(null),
    movements: fc.subarray([
      { reference: 'txn_1', amountMinor: -1_000, feeMinor: 1_500 },
      { reference: 'txn_2', amountMinor: 1_000, feeMinor: -1_500 },
    ]),
  });

  it('is the same whatever the order, and counts each movement of money once', () => {
    fc.assert(
      fc.property(fc.array(snapshots, { minLength: 1, maxLength: 6 }), (list) => {
        const known = (some: readonly DisputeSnapshot[]) =>
          some.reduce<ReturnType<typeof applyDispute> | undefined>(applyDispute, undefined);
        const state = known([...list].reverse().concat(list));
        expect(state).toEqual(known(list));
        expect(withdrawnMinor(state ?? { movements: [] })).toBeLessThanOrEqual(1_000);
      }),
    );
  });
});

describe('another provider', () => {
  const attempt = (
    status: 'FAILED' | 'PROCESSING' | 'OUTCOME_UNKNOWN',
    category: ProviderFailure['category'],
  ) => ({
    status,
    failure: { ...failure, category },
  });

  it('is never asked while an earlier try may still take the money, nor for a hard no', () => {
    expect(mayFailOver([attempt('FAILED', 'DECLINED_SOFT')])).toBe(true);
    expect(mayFailOver([attempt('FAILED', 'ACCOUNT_REVOKED')])).toBe(true);
    expect(mayFailOver([attempt('FAILED', 'DECLINED_HARD')])).toBe(false);
    expect(mayFailOver([attempt('FAILED', 'UNKNOWN')])).toBe(false);
    for (const status of ['PROCESSING', 'OUTCOME_UNKNOWN'] as const) {
      expect(
        mayFailOver([attempt('FAILED', 'DECLINED_SOFT'), attempt(status, 'DECLINED_SOFT')]),
      ).toBe(false);
    }
  });
});
