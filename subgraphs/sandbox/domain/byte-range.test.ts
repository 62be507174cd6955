import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { byteRange } from './byte-range.ts';

describe('a range of bytes', () => {
  // Source of the first five: RFC 9110, 14.1.2, of a representation of 10,000 bytes.
  it.each([
    ['bytes=0-499', { start: 0, end: 500 }],
    ['bytes=500-999', { start: 500, end: 1_000 }],
    ['bytes=-500', { start: 9_500, end: 10_000 }],
    ['bytes=9500-', { start: 9_500, end: 10_000 }],
    ['bytes=0-0', { start: 0, end: 1 }],
    ['bytes=9999-20000', { start: 9_999, end: 10_000 }],
    ['bytes=-20000', { start: 0, end: 10_000 }],
    ['bytes=10000-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', undefined],
    ['bytes=0-1,3-4', undefined],
    ['bytes=-', undefined],
    ['bytes=a-b', undefined],
    ['lines=1-2', undefined],
    ['', undefined],
  ])('%j of 10,000 bytes is %j', (header, range) => {
    expect(byteRange(header, 10_000)).toEqual(range);
  });

  it('lies within what there is, and is never empty', () => {
    const number = fc.option(fc.nat(3_000), { nil: '' });
    fc.assert(
      fc.property(number, number, fc.nat(2_000), (first, last, bytes) => {
        const range = byteRange(`bytes=${String(first)}-${String(last)}`, bytes);
        if (typeof range !== 'object') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.start).toBeLessThan(range.end);
        expect(range.end).toBeLessThanOrEqual(bytes);
      }),
    );
  });
});
