import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { heartbeats } from './heartbeats.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('heartbeats', () => {
  it('give each of many connections one turn in a period, with one timer, not all at once', () => {
    const beats = heartbeats(800);
    const turns = Array.from({ length: 1_000 }, () => ({ count: 0 }));
    for (const turn of turns) beats.add({ beat: () => (turn.count += 1) });
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(100);
    const first = turns.filter(({ count }) => count === 1).length;
    expect(first).toBe(125);
    jest.advanceTimersByTime(700);
    expect(turns.every(({ count }) => count === 1)).toBe(true);
    jest.advanceTimersByTime(800);
    expect(turns.every(({ count }) => count === 2)).toBe(true);
    beats.stop();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are over for a connection that is removed', () => {
    const beats = heartbeats(800);
    const one = { beat: jest.fn() };
    beats.add(one);
    jest.advanceTimersByTime(800);
    beats.remove(one);
    jest.advanceTimersByTime(8_000);
    expect(one.beat).toHaveBeenCalledTimes(1);
    beats.stop();
  });
});
