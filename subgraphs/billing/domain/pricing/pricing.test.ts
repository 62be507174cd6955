import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Decimal } from './decimal.ts';
import { compareDecimals, decimal, decimalText, minus, plus, rounded, times } from './decimal.ts';
import type { Price, Tier } from './price.ts';
import { priceOf, priceProblem } from './price.ts';

const amount = fc
  .tuple(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 999 }))
  .map(([whole, fraction]) => `${String(whole)}.${String(fraction).padStart(3, '0')}`);
const quantity = amount.map(decimal);
const flatAmount = fc.option(amount, { nil: undefined });
const tiers = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 4_000 }), { maxLength: 4 }),
    fc.array(amount, { minLength: 5, maxLength: 5 }),
  )
  .map(([ends, prices]): Tier[] =>
    [...ends.sort((a, b) => a - b).map(String), null].map((upTo, index) => ({
      upTo,
      unitAmount: prices[index] ?? '0',
    })),
  );
const price: fc.Arbitrary<Price> = fc.oneof(
  fc.record({ kind: fc.constant('UNIT' as const), unitAmount: amount }),
  fc.record({ kind: fc.constant('GRADUATED' as const), tiers }),
  fc.record({
    kind: fc.constant('PACKAGE' as const),
    packageSize: fc.integer({ min: 1, max: 500 }).map(String),
    packageAmount: amount,
    freeUnits: flatAmount,
  }),
  fc.record({ kind: fc.constant('COST_PLUS' as const), markupPercent: amount }),
  fc.record({ kind: fc.constant('PERCENTAGE' as const), percent: amount, minimum: flatAmount }),
  fc.record({
    kind: fc.constant('COMMITMENT' as const),
    amount,
    price: fc.record({ kind: fc.constant('GRADUATED' as const), tiers }),
  }),
);

const same = (a: Decimal, b: Decimal) => compareDecimals(a, b) === 0;

describe('a price', () => {
  it('never falls when more is used', () => {
    fc.assert(
      fc.property(price, quantity, quantity, (one, first, more) => {
        const [less, all] = [priceOf(one, first), priceOf(one, plus(first, more))];
        return compareDecimals(less, all) <= 0;
      }),
    );
  });

  it('by tiers is the sum of its parts, each at the price of its tier', () => {
    fc.assert(
      fc.property(tiers, quantity, (some, used) => {
        const whole = priceOf({ kind: 'GRADUATED', tiers: some }, used);
        let [sum, from] = [decimal('0'), decimal('0')];
        for (const { upTo, unitAmount } of some) {
          const end =
            upTo !== null && compareDecimals(used, decimal(upTo)) > 0 ? decimal(upTo) : used;
          if (compareDecimals(end, from) > 0) {
            sum = plus(sum, times(minus(end, from), decimal(unitAmount)));
            from = end;
          }
        }
        return same(whole, sum);
      }),
    );
  });

  it('by tiers makes no jump where one tier goes over into the next', () => {
    fc.assert(
      fc.property(tiers, (some) =>
        some.every(({ upTo }) => {
          if (upTo === null) return true;
          const grain = decimal('0.000001');
          const graduated: Price = { kind: 'GRADUATED', tiers: some };
          const [at, over] = [decimal(upTo), plus(decimal(upTo), grain)];
          const step = minus(priceOf(graduated, over), priceOf(graduated, at));
          return compareDecimals(step, times(grain, decimal('6000'))) <= 0;
        }),
      ),
    );
  });

  it('by volume and by tiers are one price where there is one tier', () => {
    fc.assert(
      fc.property(amount, flatAmount, quantity, (unitAmount, flat, used) => {
        const one = [{ upTo: null, unitAmount, flatAmount: flat }];
        return same(
          priceOf({ kind: 'VOLUME', tiers: one }, used),
          priceOf({ kind: 'GRADUATED', tiers: one }, used),
        );
      }),
    );
  });

  it.each<readonly [Price, string, string]>([
    [{ kind: 'FLAT', amount: '500' }, '0', '500'],
    [{ kind: 'UNIT', unitAmount: '0.03' }, '1000000000000.5', '30000000000.015'],
    [
      {
        kind: 'GRADUATED',
        tiers: [
          { upTo: '10', unitAmount: '5', flatAmount: '1' },
          { upTo: null, unitAmount: '2', flatAmount: '3' },
        ],
      },
      '12',
      '58',
    ],
    [
      {
        kind: 'VOLUME',
        tiers: [
          { upTo: '10', unitAmount: '5' },
          { upTo: null, unitAmount: '2' },
        ],
      },
      '12',
      '24',
    ],
    [{ kind: 'PACKAGE', packageSize: '100', packageAmount: '7', freeUnits: '50' }, '151', '14'],
    [{ kind: 'PACKAGE', packageSize: '100', packageAmount: '7', freeUnits: '50' }, '50', '0'],
    [{ kind: 'PERCENTAGE', percent: '2.9', minimum: '30', maximum: '900' }, '1000', '30'],
    [{ kind: 'PERCENTAGE', percent: '2.9', minimum: '30', maximum: '900' }, '100000', '900'],
    [{ kind: 'COST_PLUS', markupPercent: '20' }, '150.5', '180.6'],
    [{ kind: 'COMMITMENT', amount: '1000', price: { kind: 'UNIT', unitAmount: '3' } }, '7', '1000'],
    [
      { kind: 'COMMITMENT', amount: '1000', price: { kind: 'UNIT', unitAmount: '3' } },
      '700',
      '2100',
    ],
  ])('%j of %s is %s', (one, used, right) => {
    expect(decimalText(priceOf(one, decimal(used)))).toBe(right);
    expect(priceProblem(one)).toBeUndefined();
  });

  it.each<readonly [string, Price]>([
    ['negative', { kind: 'UNIT', unitAmount: '-1' }],
    ['no number', { kind: 'FLAT', amount: 'free' }],
    ['of packages of nothing', { kind: 'PACKAGE', packageSize: '0', packageAmount: '1' }],
    ['of no tier', { kind: 'VOLUME', tiers: [] }],
    ['of tiers that end', { kind: 'GRADUATED', tiers: [{ upTo: '5', unitAmount: '1' }] }],
    [
      'of tiers that shrink',
      {
        kind: 'GRADUATED',
        tiers: [
          { upTo: '5', unitAmount: '1' },
          { upTo: '5', unitAmount: '1' },
          { upTo: null, unitAmount: '1' },
        ],
      },
    ],
  ])('is refused: one %s', (_what, one) => {
    expect(priceProblem(one)).toEqual(expect.any(String));
  });
});

describe('rounding', () => {
  it('goes to the nearest whole, halves away from zero, the same for what is taken back', () => {
    expect(['0.5', '1.5', '2.4999', '-0.5', '-2.5'].map((text) => rounded(decimal(text)))).toEqual([
      1, 2, 2, -1, -3,
    ]);
    fc.assert(
      fc.property(
        quantity,
        (some) => rounded(some) === -rounded(minus(decimal('0'), some)) || some.units === 0n,
      ),
    );
  });
});
