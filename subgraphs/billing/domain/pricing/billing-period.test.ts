import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BillingAnchor } from './billing-period.ts';
import { billingIntervals, periodAt, periodOf } from './billing-period.ts';

const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe'];
const anchor: fc.Arbitrary<BillingAnchor> = fc.record({
  start: fc.date({
    min: new Date('2019-12-01T00:00:00Z'),
    max: new Date('2029-01-01T00:00:00Z'),
    noInvalidDate: true,
  }),
  interval: fc.constantFrom(...billingIntervals),
  count: fc.integer({ min: 1, max: 3 }),
  timeZone: fc.constantFrom(...zones),
});

describe('billing periods', () => {
  it('follow each other without gap or overlap, through leap days, month ends and changed clocks', () => {
    fc.assert(
      fc.property(anchor, fc.integer({ min: 0, max: 60 }), (from, index) => {
        const [one, next] = [periodAt(from, index), periodAt(from, index + 1)];
        expect(one.from < one.to).toBe(true);
        expect(next.from).toEqual(one.to);
      }),
    );
  });

  it('are the same however far the clock has leapt: each moment lies in its period', () => {
    fc.assert(
      fc.property(
        anchor,
        fc.integer({ min: 0, max: 40 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (from, index, part) => {
          const period = periodAt(from, index);
          const within =
            period.from.getTime() +
            Math.floor(part * (period.to.getTime() - period.from.getTime()));
          expect(periodOf(from, new Date(within))).toEqual(period);
        },
      ),
    );
  });

  const starts = (from: BillingAnchor, count: number) =>
    Array.from({ length: count }, (_, index) => periodAt(from, index).from.toISOString());

  it('keep the day of the month, and take the last where there is none', () => {
    const from = { interval: 'MONTH', count: 1, timeZone: 'UTC' } as const;
    expect(starts({ ...from, start: new Date('2027-12-31T10:00:00Z') }, 4)).toEqual([
      '2027-12-31T10:00:00.000Z',
      '2028-01-31T10:00:00.000Z',
      '2028-02-29T10:00:00.000Z',
      '2028-03-31T10:00:00.000Z',
    ]);
    expect(
      starts({ ...from, interval: 'YEAR', start: new Date('2028-02-29T00:00:00Z') }, 5).map(
        (text) => text.slice(0, 10),
      ),
    ).toEqual(['2028-02-29', '2029-02-28', '2030-02-28', '2031-02-28', '2032-02-29']);
  });

  it('keep the time on the wall when clocks change, an hour that is left out being the next', () => {
    const from = { interval: 'DAY', count: 1, timeZone: 'Europe/Berlin' } as const;
    // Clocks go from 02:00 to 03:00 on the 29th of March 2026.
    expect(starts({ ...from, start: new Date('2026-03-28T01:30:00Z') }, 3)).toEqual([
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
    // And from 03:00 to 02:00 on the 25th of October 2026.
    expect(starts({ ...from, start: new Date('2026-10-24T00:30:00Z') }, 3)).toEqual([
      '2026-10-24T00:30:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });
});
