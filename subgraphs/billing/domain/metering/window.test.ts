import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { usageWindows, wholeWindows, windowAt } from './window.ts';

const moment = fc.date({
  min: new Date('1960-01-01T00:00:00Z'),
  max: new Date('2100-01-01T00:00:00Z'),
  noInvalidDate: true,
});

describe('windows of time', () => {
  it('follow each other without gap or overlap, and each moment lies in one', () => {
    fc.assert(
      fc.property(fc.constantFrom(...usageWindows), moment, (window, at) => {
        const { start, end } = windowAt(window, at);
        expect(start <= at && at < end).toBe(true);
        expect(windowAt(window, start)).toEqual({ start, end });
        expect(windowAt(window, end).start).toEqual(end);
        expect(windowAt(window, new Date(end.getTime() - 1))).toEqual({ start, end });
      }),
    );
  });

  it('of a week begin on Monday, of a month on its first', () => {
    fc.assert(
      fc.property(moment, (at) => {
        expect(windowAt('WEEK', at).start.getUTCDay()).toBe(1);
        expect(windowAt('MONTH', at).start.getUTCDate()).toBe(1);
      }),
    );
  });

  it('cover a span that is asked for, widened to whole ones', () => {
    const from = new Date('2026-02-10T10:10:10Z');
    const to = new Date('2026-04-01T00:00:00Z');
    expect(wholeWindows('MONTH', { from, to })).toEqual({
      start: new Date('2026-02-01T00:00:00Z'),
      end: to,
      count: 2,
    });
  });
});
