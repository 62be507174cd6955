import { describe, expect, it } from '@jest/globals';
import { Lru } from './lru.ts';

describe('Lru', () => {
  it('forgets what was not used for longest', () => {
    const lru = new Lru<number>({ entriesMax: 2, charactersMax: 100 });
    lru.set('a', 1);
    lru.set('b', 2);
    lru.get('a');
    lru.set('c', 3);
    expect([lru.get('a'), lru.get('b'), lru.get('c')]).toEqual([1, undefined, 3]);
  });

  it('keeps the sum of its keys within bounds, even against one key beyond them', () => {
    const lru = new Lru<number>({ entriesMax: 100, charactersMax: 10 });
    lru.set('aaaa', 1);
    lru.set('bbbb', 2);
    lru.set('bbbb', 3);
    expect([lru.get('aaaa'), lru.get('bbbb')]).toEqual([1, 3]);
    lru.set('cccc', 4);
    expect([lru.get('aaaa'), lru.get('cccc')]).toEqual([undefined, 4]);
    lru.set('d'.repeat(11), 5);
    expect(lru.get('cccc')).toBeUndefined();
    expect(lru.get('d'.repeat(11))).toBeUndefined();
    lru.set('e', 6);
    expect(lru.get('e')).toBe(6);
  });
});
