import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { tokenWatch } from './token-watch.ts';
import type { TokenHolder } from './token-watch.ts';

const days = 24 * 3_600_000;

class Holder implements TokenHolder {
  identity: Identity | undefined;
  readonly told: string[] = [];

  constructor(ms: number) {
    this.renew(ms);
  }

  renew(ms: number): void {
    const expiresAt = new Date(Date.now() + ms);
    this.identity = { tenant: 'a', actor: { type: 'user', id: 'b' }, scopes: [], expiresAt };
  }

  onTokenEnding(): void {
    this.told.push('ending');
  }

  onTokenEnded(): void {
    this.told.push('ended');
  }
}

describe('a watch over tokens', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('tells each holder once before the end and once at the end, even after many months', () => {
    const watch = tokenWatch(60_000);
    const [long, short] = [new Holder(100 * days), new Holder(5 * 60_000)];
    watch.watch(long);
    watch.watch(short);
    jest.advanceTimersByTime(4 * 60_000 - 100);
    expect(short.told).toEqual([]);
    jest.advanceTimersByTime(200);
    expect(short.told).toEqual(['ending']);
    jest.advanceTimersByTime(60_000);
    expect(short.told).toEqual(['ending', 'ended']);
    jest.advanceTimersByTime(99 * days);
    expect(long.told).toEqual([]);
    jest.advanceTimersByTime(days);
    expect(long.told).toEqual(['ending', 'ended']);
  });

  it('goes on with a new token as if there had been no other', () => {
    const watch = tokenWatch(60_000);
    const holder = new Holder(30_000);
    watch.watch(holder);
    jest.advanceTimersByTime(1_000);
    expect(holder.told).toEqual(['ending']);
    holder.renew(10 * 60_000);
    watch.watch(holder);
    jest.advanceTimersByTime(8 * 60_000);
    expect(holder.told).toEqual(['ending']);
    jest.advanceTimersByTime(2 * 60_000);
    expect(holder.told).toEqual(['ending', 'ending', 'ended']);
  });

  it('ends a token that is over at once, and tells nobody who was forgotten', () => {
    const watch = tokenWatch(60_000);
    const [over, gone] = [new Holder(-1), new Holder(1_000)];
    watch.watch(over);
    watch.watch(gone);
    watch.forget(gone);
    jest.advanceTimersByTime(2_000);
    expect(over.told).toEqual(['ended']);
    expect(gone.told).toEqual([]);
  });

  it('sets one timer, however many tokens it watches', () => {
    const watch = tokenWatch(60_000);
    for (let count = 1; count <= 1_000; count += 1) watch.watch(new Holder(count * 1_000));
    expect(jest.getTimerCount()).toBe(1);
    watch.stop();
    expect(jest.getTimerCount()).toBe(0);
  });
});
