import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AttemptUse } from './usage.ts';
import { jobUse, lastKnownEnd, wallMsBetween } from './usage.ts';

const now = new Date(100_000);
const use = (change: Partial<AttemptUse>): AttemptUse => ({
  ...{ startedAt: new Date(0), finishedAt: new Date(5_000), wallMs: 5_000 },
  ...{ cpuMs: 100, memoryPeakBytes: 10 },
  ...change,
});

describe('the usage of a job', () => {
  it('is nothing until something ran', () => {
    expect(jobUse([], now)).toBeNull();
    expect(jobUse([use({ startedAt: null, finishedAt: null, wallMs: 0 })], now)).toBeNull();
  });

  it('adds up attempts, and takes the highest peak', () => {
    const attempts = [use({}), use({ wallMs: 1, cpuMs: 2, memoryPeakBytes: 99 })];
    expect(jobUse(attempts, now)).toEqual({ billableMs: 5_001, cpuMs: 102, memoryPeakBytes: 99 });
  });

  it('goes on while the program runs, also between two samples', () => {
    const attempt = use({ startedAt: new Date(90_000), finishedAt: null, wallMs: 2_000 });
    expect(jobUse([attempt], now)).toMatchObject({ billableMs: 10_000 });
    expect(jobUse([attempt], new Date(91_000))).toMatchObject({ billableMs: 2_000 });
  });

  it('is never negative, whatever clocks say', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), fc.date({ noInvalidDate: true }), (a, b) => {
        expect(wallMsBetween(a, b)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('a program whose end nobody saw', () => {
  it('ended at its last sign of life', () => {
    expect(lastKnownEnd(new Date(1_000), new Date(3_000), 60)).toEqual(new Date(3_000));
    expect(lastKnownEnd(new Date(1_000), null, 60)).toEqual(new Date(1_000));
  });

  it('is charged for no more than the time it was given, and for no less than none', () => {
    expect(lastKnownEnd(new Date(0), new Date(90_000), 60)).toEqual(new Date(60_000));
    expect(lastKnownEnd(new Date(5_000), new Date(0), 60)).toEqual(new Date(5_000));
  });
});
