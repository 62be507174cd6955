import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Shares } from './shares.ts';

const value = {};

describe('what tenants share room for', () => {
  it('is never taken from who holds less than an equal share, however another floods', () => {
    const shares = new Shares(100);
    for (const key of ['a', 'b', 'c']) shares.set('small', key, value, 10);
    for (let index = 0; index < 1_000; index += 1) shares.set('large', String(index), value, 10);
    expect(['a', 'b', 'c'].map((key) => shares.get('small', key))).toEqual([value, value, value]);
    expect(shares.get('large', '999')).toBe(value);
    expect(shares.get('large', '0')).toBeUndefined();
  });

  it('belongs to one tenant each', () => {
    const shares = new Shares(100);
    shares.set('one', 'key', value, 1);
    expect(shares.get('other', 'key')).toBeUndefined();
  });

  it('stays within its bound and counts right, whatever is kept and dropped', () => {
    const step = fc.tuple(
      fc.constantFrom('a', 'b', 'c'),
      fc.constantFrom('1', '2', '3', '4'),
      fc.nat(60),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const shares = new Shares(50);
        for (const [tenant, key, weight, drops] of steps) {
          if (drops) shares.delete(tenant, key);
          else shares.set(tenant, key, value, weight);
          expect(shares.bytes).toBeLessThanOrEqual(50);
        }
        for (const tenant of ['a', 'b', 'c']) {
          for (const key of ['1', '2', '3', '4']) shares.delete(tenant, key);
        }
        expect([shares.bytes, shares.entries]).toEqual([0, 0]);
      }),
    );
  });
});
