import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PriceList } from './price-list.ts';
import { priceUsage } from './usage-price.ts';

const list: PriceList = {
  version: 1,
  currency: 'USD',
  effectiveFrom: new Date('2026-01-01T00:00:00Z'),
  vcpuSecondMicroMinor: 1400,
  gibSecondMicroMinor: 450,
  minimumMinor: 1,
};
const noMinimum = { ...list, minimumMinor: 0 };

const usages = fc.record({
  cpuMillicores: fc.integer({ min: 0, max: 64_000 }),
  memoryMib: fc.integer({ min: 0, max: 262_144 }),
  billableMs: fc.integer({ min: 0, max: 7 * 86_400_000 }),
});

describe('the price of usage', () => {
  it('charges one hour of one vCPU and one GiB by the second: 3600 x (0.0014 + 0.00045) cents', () => {
    const hour = { cpuMillicores: 1000, memoryMib: 1024, billableMs: 3_600_000 };
    expect(priceUsage(hour, list)).toEqual({ amountMinor: 7, currency: 'USD' });
    expect(priceUsage({ ...hour, billableMs: 36_000_000 }, list).amountMinor).toBe(67);
  });

  it('rounds half up, once, at the end', () => {
    const rate = { ...noMinimum, vcpuSecondMicroMinor: 500_000, gibSecondMicroMinor: 500_000 };
    const price = (cpuMillicores: number, memoryMib: number, billableMs: number) =>
      priceUsage({ cpuMillicores, memoryMib, billableMs }, rate).amountMinor;
    expect(price(1000, 0, 1000)).toBe(1);
    expect(price(1000, 0, 999)).toBe(0);
    expect(price(1000, 1024, 1000)).toBe(1);
    expect(price(1000, 1024, 1500)).toBe(2);
  });

  it('is never zero for an attempt that ran, however short', () => {
    expect(priceUsage({ cpuMillicores: 1, memoryMib: 1, billableMs: 0 }, list).amountMinor).toBe(1);
    fc.assert(fc.property(usages, (usage) => priceUsage(usage, list).amountMinor >= 1));
  });

  it('is a whole amount that never falls when any part of the usage grows', () => {
    fc.assert(
      fc.property(usages, usages, (usage, more) => {
        const grown = {
          cpuMillicores: usage.cpuMillicores + more.cpuMillicores,
          memoryMib: usage.memoryMib + more.memoryMib,
          billableMs: usage.billableMs + more.billableMs,
        };
        const [small, large] = [priceUsage(usage, list), priceUsage(grown, list)];
        return Number.isSafeInteger(small.amountMinor) && small.amountMinor <= large.amountMinor;
      }),
    );
  });

  it('differs by less than one minor unit when a run is split in two', () => {
    fc.assert(
      fc.property(usages, fc.nat(), (usage, at) => {
        const firstMs = at % (usage.billableMs + 1);
        const parts = [firstMs, usage.billableMs - firstMs].map(
          (billableMs) => priceUsage({ ...usage, billableMs }, noMinimum).amountMinor,
        );
        const whole = priceUsage(usage, noMinimum).amountMinor;
        return Math.abs(whole - parts.reduce((sum, part) => sum + part, 0)) <= 1;
      }),
    );
  });

  it('equals the exact fraction, to half a minor unit', () => {
    fc.assert(
      fc.property(usages, (usage) => {
        const { cpuMillicores, memoryMib, billableMs } = usage;
        const exact =
          (billableMs / 1000) * ((cpuMillicores / 1000) * 1400e-6 + (memoryMib / 1024) * 450e-6);
        return Math.abs(priceUsage(usage, noMinimum).amountMinor - exact) <= 0.5 + exact * 1e-12;
      }),
    );
  });

  it.each([
    ['a fraction', 1.5],
    ['a negative number', -1],
    ['not a number', Number.NaN],
    ['more than an integer can hold', Number.MAX_SAFE_INTEGER + 1],
  ])('refuses to price %s instead of guessing', (_what, billableMs) => {
    const price = () => priceUsage({ cpuMillicores: 1, memoryMib: 1, billableMs }, list);
    expect(price).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });

  it('refuses a price that an amount cannot hold exactly', () => {
    const huge = Number.MAX_SAFE_INTEGER;
    const price = () =>
      priceUsage({ cpuMillicores: huge, memoryMib: huge, billableMs: huge }, list);
    expect(price).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});
