import { describe, expect, it } from '@jest/globals';
import type { PriceList } from './price-list.ts';
import { priceListAt } from './price-list.ts';

const from = (version: number, day: string): PriceList => ({
  version,
  currency: 'USD',
  effectiveFrom: new Date(`2026-${day}T00:00:00Z`),
  vcpuSecondMicroMinor: version,
  gibSecondMicroMinor: version,
  minimumMinor: 1,
});
const lists = [from(2, '03-01'), from(1, '01-01'), from(3, '03-01'), from(4, '06-01')];

describe('the price list in force', () => {
  it.each([
    ['the first list from its first instant', '2026-01-01T00:00:00.000Z', 1],
    ['the old list up to the last instant before a change', '2026-02-28T23:59:59.999Z', 1],
    ['the higher version of two that begin together', '2026-03-01T00:00:00.000Z', 3],
    ['the latest list long after', '2030-01-01T00:00:00.000Z', 4],
  ])('is %s', (_what, at, version) => {
    expect(priceListAt(lists, new Date(at)).version).toBe(version);
  });

  it('is an error before the first list, never a price of nothing', () => {
    expect(() => priceListAt(lists, new Date('2025-12-31'))).toThrow(
      expect.objectContaining({ code: 'INTERNAL' }),
    );
  });
});
