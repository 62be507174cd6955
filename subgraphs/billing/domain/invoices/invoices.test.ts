import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allocate } from './allocate.ts';
import type { ChargeUse } from './compose-lines.ts';
import { adjustmentLine, chargeAmount } from './compose-lines.ts';
import { taxByRates } from './tax.ts';

const sum = (parts: readonly number[]) => parts.reduce((total, part) => total + part, 0);
const weights = fc.array(fc.bigInt({ min: 0n, max: 10_000n }), { minLength: 1, maxLength: 12 });
const whole = fc.integer({ min: -1_000_000, max: 1_000_000 });

describe('splitting an amount', () => {
  it('loses nothing, and gives each part its share to within one', () => {
    fc.assert(
      fc.property(whole, weights, (amount, some) => {
        const parts = allocate(amount, some);
        expect(sum(parts)).toBe(amount);
        const total = some.reduce((all, weight) => all + weight, 0n);
        if (total === 0n) return;
        for (const [index, part] of parts.entries()) {
          const exact = (amount * Number(some[index])) / Number(total);
          expect(Math.abs(part - exact)).toBeLessThan(1 + 1e-6);
        }
      }),
    );
  });

  it('gives the same parts in whatever order they are named', () => {
    fc.assert(
      fc.property(whole, weights, (amount, some) => {
        if (some.every((weight) => weight === 0n)) return;
        const byWeight = (list: readonly bigint[]) =>
          allocate(amount, list)
            .map((part, index) => `${String(list[index])}:${String(part)}`)
            .sort();
        expect(byWeight([...some].reverse())).toEqual(byWeight(some));
      }),
    );
  });
});

describe('tax', () => {
  const lines = fc.array(
    fc.integer({ min: -50_000, max: 50_000 }).map((amountMinor) => ({ amountMinor })),
    { maxLength: 10 },
  );
  const calculate = taxByRates([{ country: 'DE', name: 'USt', percent: '19' }]);

  it('of the lines is the tax of the whole, and what is taken back carries it back', () => {
    fc.assert(
      fc.property(lines, (some) => {
        const [tax] = calculate(some, { country: 'DE' });
        const back = some.map(({ amountMinor }) => ({ amountMinor: -amountMinor }));
        const [returned] = calculate(back, { country: 'DE' });
        const of = (sign: number) =>
          Math.round(
            sum(some.map(({ amountMinor }) => Math.max(0, amountMinor * sign))) * 0.19 + 1e-9,
          );
        expect(sum(tax?.amountsMinor ?? [])).toBe(of(1) - of(-1));
        expect(sum(returned?.amountsMinor ?? []) + sum(tax?.amountsMinor ?? [])).toBe(0);
      }),
    );
  });

  it('is none where no rate is known', () => {
    expect(calculate([{ amountMinor: 100 }], { country: 'FR' })).toEqual([]);
    expect(calculate([{ amountMinor: 100 }], { country: null })).toEqual([]);
  });
});

describe('what is charged for a period', () => {
  const day = 86_400_000;
  const period = { from: new Date(0), to: new Date(30 * day) };
  const tiered: ChargeUse = {
    charge: {
      ...{ key: 'tokens', label: 'Tokens', meterId: 'meter_1' },
      price: {
        kind: 'GRADUATED',
        tiers: [
          { upTo: '100', unitAmount: '2.7' },
          { upTo: null, unitAmount: '1.1' },
        ],
      },
    },
    ...period,
  };

  it('is the same over time, whether usage was known at once or came late, in any parts', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -40, max: 400 }), { maxLength: 8 }), (parts) => {
        let [used, billed] = [0, 0];
        for (const part of parts) {
          used = Math.max(0, used + part);
          const line = adjustmentLine(
            tiered,
            { quantity: null, amountMinor: billed },
            String(used),
            period,
          );
          billed += line?.amountMinor ?? 0;
          expect(billed).toBe(chargeAmount(tiered, String(used), period));
        }
      }),
    );
  });

  it('is in part for a part of the period, and whole for its parts together', () => {
    const flat = (from: Date, to: Date): ChargeUse => ({
      charge: {
        key: 'seat',
        label: 'Seat',
        meterId: null,
        price: { kind: 'FLAT', amount: '3000' },
      },
      ...{ from, to },
    });
    const middle = new Date(10 * day);
    expect(chargeAmount(flat(period.from, middle), null, period)).toBe(1_000);
    expect(chargeAmount(flat(middle, period.to), null, period)).toBe(2_000);
  });
});
