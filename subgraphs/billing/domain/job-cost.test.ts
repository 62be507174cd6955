import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JobFacts, JobState } from './job-cost.ts';
import { isOver, jobCost, jobStates } from './job-cost.ts';
import type { PriceList } from './price-list.ts';

const list: PriceList = {
  version: 1,
  currency: 'USD',
  effectiveFrom: new Date(0),
  vcpuSecondMicroMinor: 1_000_000,
  gibSecondMicroMinor: 0,
  minimumMinor: 1,
};
const nothing: JobFacts = {
  chargedMinor: 0,
  chargedMs: 0,
  chargedAttempts: 0,
  heldMinor: 0,
  openHolds: 0,
};
const usage = (billableMs: number) => ({ cpuMillicores: 1000, memoryMib: 1, billableMs });
const cost = (state: JobState, billableMs: number, facts: Partial<JobFacts> = {}) => {
  const now = jobCost({ state, usage: usage(billableMs) }, { ...nothing, ...facts }, list);
  return { totalMinor: now.total.amountMinor, final: now.final };
};

describe('the cost of a job', () => {
  it('is nothing, and not final, while it waits', () => {
    expect(cost('QUEUED', 0, { openHolds: 1, heldMinor: 9 })).toEqual({
      totalMinor: 0,
      final: false,
    });
  });

  it('is the price of the usage so far while it runs', () => {
    expect(cost('RUNNING', 5000, { openHolds: 1 })).toEqual({ totalMinor: 5, final: false });
  });

  it('is never zero for a job that runs, also before its first usage is seen', () => {
    expect(cost('RUNNING', 0, { openHolds: 1 }).totalMinor).toBe(1);
    expect(cost('COLLECTING', 0).totalMinor).toBe(1);
  });

  it('is the settled charge once the job is over', () => {
    const facts = { chargedMinor: 7, chargedMs: 6500, chargedAttempts: 1 };
    expect(cost('SUCCEEDED', 7000, facts)).toEqual({ totalMinor: 7, final: true });
  });

  it('is priced from usage, and not final, when a job is over and its charge is not there yet', () => {
    expect(cost('FAILED', 5000, { openHolds: 1 })).toEqual({ totalMinor: 5, final: false });
    expect(cost('FAILED', 5000)).toEqual({ totalMinor: 5, final: false });
  });

  it('is a final nothing for a job that was cancelled before it ran', () => {
    expect(cost('CANCELLED', 0)).toEqual({ totalMinor: 0, final: true });
    expect(cost('CANCELLED', 0, { openHolds: 1 }).final).toBe(false);
  });

  it('is the sum of its attempts: the charged ones, and the one under way', () => {
    const first = { chargedMinor: 6, chargedMs: 6000, chargedAttempts: 1, openHolds: 1 };
    expect(cost('QUEUED', 6000, first)).toEqual({ totalMinor: 6, final: false });
    expect(cost('RUNNING', 6000, first)).toEqual({ totalMinor: 7, final: false });
    expect(cost('RUNNING', 9000, first)).toEqual({ totalMinor: 9, final: false });
  });

  it('never falls below what was charged, is final only at an end, and says nothing of strangers', () => {
    const facts = fc.record({
      chargedMinor: fc.nat(1000),
      chargedMs: fc.nat(10_000),
      chargedAttempts: fc.nat(3),
      heldMinor: fc.nat(1000),
      openHolds: fc.nat(1),
    });
    fc.assert(
      fc.property(fc.constantFrom(...jobStates), fc.nat(20_000), facts, (state, ms, on) => {
        const now = jobCost({ state, usage: usage(ms) }, on, list);
        return now.total.amountMinor >= on.chargedMinor && (!now.final || isOver(state));
      }),
    );
    const unknown = jobCost({ state: undefined, usage: undefined }, nothing, list);
    expect(unknown).toMatchObject({ total: { amountMinor: 0 }, final: false });
  });
});
