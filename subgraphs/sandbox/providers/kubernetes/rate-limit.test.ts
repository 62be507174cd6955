import { describe, expect, it, jest } from '@jest/globals';
import { RateLimit } from './rate-limit.ts';

/** Runs with a clock that the timers of the test move. */
async function timesOf(calls: number, limit: RateLimit, now: () => number): Promise<number[]> {
  const times: number[] = [];
  const all = Array.from({ length: calls }, async () => {
    await limit.enter();
    times.push(now());
  });
  await jest.advanceTimersByTimeAsync(120_000);
  await Promise.all(all);
  return times;
}

describe('the limit of a class of calls', () => {
  const now = () => Date.now();
  const make = () => new RateLimit({ perSecond: 20, burst: 30 }, now);

  it('lets a burst pass and then no more than the rate', async () => {
    jest.useFakeTimers({ now: 0 });
    const times = await timesOf(130, make(), now);
    expect(times.filter((at) => at < 50)).toHaveLength(30);
    expect(times.at(-1)).toBeGreaterThanOrEqual(4_950);
    expect(times.at(-1)).toBeLessThan(5_500);
    jest.useRealTimers();
  });

  it('halves after a refusal, lets nothing pass before the time named, and recovers', async () => {
    jest.useFakeTimers({ now: 0 });
    const limit = make();
    limit.refused(7_000);
    expect(limit.perSecond).toBe(10);
    const times = await timesOf(11, limit, now);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(7_000);
    expect(limit.perSecond).toBe(20);
    jest.useRealTimers();
  });

  it('goes on with others when one who waits leaves', async () => {
    const limit = new RateLimit({ perSecond: 50, burst: 1 });
    await limit.enter();
    const left = limit.enter(AbortSignal.timeout(1));
    await expect(left).rejects.toMatchObject({ name: 'TimeoutError' });
    await limit.enter();
  });
});
