import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { money } from '../../shared/money.ts';
import { decideHold, holdAmount, settle } from './hold.ts';
import { nextHoldStep } from './hold-life.ts';
import type { PriceList } from './price-list.ts';
import { priceUsage } from './usage-price.ts';

const list: PriceList = {
  version: 1,
  currency: 'USD',
  effectiveFrom: new Date(0),
  vcpuSecondMicroMinor: 1400,
  gibSecondMicroMinor: 450,
  minimumMinor: 1,
};
const usd = (amountMinor: number) => money(amountMinor, 'USD');
const amounts = fc.integer({ min: 0, max: 1_000_000 });

describe('a credit hold', () => {
  it('covers every run that stays inside its time limit', () => {
    const limits = fc.record({
      cpuMillicores: fc.integer({ min: 1, max: 8000 }),
      memoryMib: fc.integer({ min: 1, max: 16_384 }),
      timeoutSeconds: fc.integer({ min: 1, max: 86_400 }),
    });
    fc.assert(
      fc.property(limits, fc.nat(), (limit, ms) => {
        const usage = { ...limit, billableMs: ms % (limit.timeoutSeconds * 1000 + 1) };
        return priceUsage(usage, list).amountMinor <= holdAmount(limit, list).amountMinor;
      }),
    );
  });

  it('is placed down to the last minor unit of credit, and refused one below', () => {
    expect(decideHold(usd(7), usd(7))).toEqual({ kind: 'placed', amountMinor: 7 });
    expect(decideHold(usd(6), usd(7))).toMatchObject({
      kind: 'refused',
      reason: 'INSUFFICIENT_CREDIT',
    });
  });

  it('never promises more than the tenant has, whatever the order of requests', () => {
    fc.assert(
      fc.property(amounts, fc.array(amounts), (creditMinor, requests) => {
        let availableMinor = creditMinor;
        for (const request of requests) {
          const decision = decideHold(usd(availableMinor), usd(request));
          if (decision.kind === 'placed') availableMinor -= decision.amountMinor;
        }
        return availableMinor >= 0;
      }),
    );
  });
});

describe('settling a hold', () => {
  it('charges the true usage, gives back the rest, and leaves nothing held', () => {
    expect(settle(usd(10), usd(4))).toEqual({
      chargeMinor: 4,
      fromHoldMinor: 4,
      releaseMinor: 6,
      overMinor: 0,
    });
  });

  it('charges the true usage also when it is more than was held', () => {
    expect(settle(usd(10), usd(13))).toEqual({
      chargeMinor: 13,
      fromHoldMinor: 10,
      releaseMinor: 0,
      overMinor: 3,
    });
  });

  it('loses no minor unit: held = taken + given back, charge = taken + over', () => {
    fc.assert(
      fc.property(amounts, amounts, (held, charge) => {
        const { chargeMinor, fromHoldMinor, releaseMinor, overMinor } = settle(
          usd(held),
          usd(charge),
        );
        return (
          fromHoldMinor + releaseMinor === held &&
          fromHoldMinor + overMinor === charge &&
          chargeMinor === charge &&
          Math.min(fromHoldMinor, releaseMinor, overMinor) >= 0
        );
      }),
    );
  });
});

describe('what a message does to a hold', () => {
  it.each([
    [undefined, 'decide', 'release', 'settle'],
    ['placed', 'repeat-answer', 'release', 'settle'],
    ['refused', 'repeat-answer', 'none', 'settle'],
    ['released', 'repeat-answer', 'none', 'settle'],
    ['settled', 'repeat-answer', 'none', 'repeat-answer'],
  ] as const)(
    'from %s: submitted %s, unneeded %s, finished %s',
    (state, onSubmit, onUnneeded, onFinish) => {
      expect(nextHoldStep(state, 'job-submitted')).toBe(onSubmit);
      expect(nextHoldStep(state, 'hold-unneeded')).toBe(onUnneeded);
      expect(nextHoldStep(state, 'attempt-finished')).toBe(onFinish);
    },
  );
});
