import { describe, expect, it } from '@jest/globals';
import { isAborted, sleep, systemClock } from './time.ts';

describe('sleep', () => {
  it('waits at least as long as it was told', async () => {
    const started = performance.now();
    await sleep(30);
    expect(performance.now() - started).toBeGreaterThanOrEqual(29);
  });

  it('ends at once with the reason when the signal aborts', async () => {
    const leaving = new AbortController();
    const reason = new Error('the process stops');
    const started = performance.now();
    setTimeout(() => {
      leaving.abort(reason);
    }, 5);
    await expect(sleep(10_000, leaving.signal)).rejects.toBe(reason);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('does not begin under a signal that has aborted', async () => {
    const reason = new Error('too late');
    await expect(sleep(10_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('leaves nothing behind at the signal once it is over', async () => {
    const listening = new Set<unknown>();
    const signal = {
      aborted: false,
      addEventListener: (_type: string, listener: unknown) => listening.add(listener),
      removeEventListener: (_type: string, listener: unknown) => listening.delete(listener),
    };
    const waiting = sleep(5, signal as unknown as AbortSignal);
    expect(listening.size).toBe(1);
    await waiting;
    expect(listening.size).toBe(0);
  });
});

it('isAborted says what the signal says now', () => {
  const leaving = new AbortController();
  expect(isAborted(leaving.signal)).toBe(false);
  leaving.abort();
  expect(isAborted(leaving.signal)).toBe(true);
});

it('the system’s clock tells the time of now', () => {
  const before = Date.now();
  const now = systemClock.now().getTime();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});
