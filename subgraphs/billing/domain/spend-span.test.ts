import { describe, expect, it } from '@jest/globals';
import { spendSpan } from './spend-span.ts';

const now = new Date('2026-03-15T12:00:00Z');

describe('the span of a question about spend', () => {
  it('is this month so far, in UTC, when nothing is said', () => {
    expect(spendSpan({}, now)).toEqual({ from: new Date('2026-03-01T00:00:00Z'), to: now });
  });

  it('begins with the month of its end when only the end is said', () => {
    const to = new Date('2025-12-31T23:59:59Z');
    expect(spendSpan({ to }, now)).toEqual({ from: new Date('2025-12-01T00:00:00Z'), to });
  });

  it('may be empty, but never ends before it begins', () => {
    expect(spendSpan({ from: now, to: now }, now)).toEqual({ from: now, to: now });
    expect(() => spendSpan({ from: new Date('2027-01-01') }, now)).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT' }),
    );
  });
});
