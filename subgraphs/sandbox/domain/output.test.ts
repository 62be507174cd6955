import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { LogLine } from './output.ts';
import { chunkBytesMax, chunkLinesMax, partOutput, progressMax } from './output.ts';
import { parseProgress, progressMessageBytesMax } from './progress.ts';

const at = new Date(0);
const line = (text: string, change: Partial<LogLine> = {}): LogLine => ({
  ...{ stream: 'stdout', at, text, truncated: false },
  ...change,
});
const report = (percent: number) => line(`::progress {"percent":${String(percent)}}`);

describe('output', () => {
  it('keeps every line once and in order, in chunks that are small enough', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constant('y'.repeat(16_384)),
      fc.constant('::progress x'),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 40 }), (texts) => {
        const lines = texts.map((one) => line(one));
        const chunks = partOutput(lines).flatMap((part) =>
          part.kind === 'lines' ? [part.lines] : [],
        );
        expect(chunks.flat()).toEqual(lines);
        for (const chunk of chunks) {
          const bytes = chunk.reduce((sum, one) => sum + Buffer.byteLength(one.text), 0);
          expect(bytes).toBeLessThanOrEqual(chunkBytesMax);
          expect(chunk.length).toBeGreaterThan(0);
          expect(chunk.length).toBeLessThanOrEqual(chunkLinesMax);
        }
      }),
    );
  });

  it('takes reports of progress out, at their place', () => {
    const parts = partOutput([line('a'), report(1), line('b'), line('c'), report(2)]);
    expect(parts.map(({ kind }) => kind)).toEqual(['lines', 'progress', 'lines', 'progress']);
  });

  it('tells of a flood of reports the first ones and the last, and loses no line', () => {
    const flood = Array.from({ length: 500 }, (_one, index) => report(index / 5));
    const parts = partOutput([...flood, line('end')]);
    const told = parts.filter((part) => part.kind === 'progress');
    expect(told).toHaveLength(progressMax);
    expect(told.at(-1)).toMatchObject({ progress: { percent: 99.8 } });
    expect(parts.at(-1)).toMatchObject({ kind: 'lines' });
  });

  it('takes no piece of a long line, and nothing on standard error, for a report', () => {
    const pieces = [
      line('x', { truncated: true }),
      report(1),
      line('e'),
      { ...report(2), truncated: true },
    ];
    expect(partOutput(pieces)).toHaveLength(1);
    expect(partOutput([{ ...report(3), stream: 'stderr' }])).toMatchObject([{ kind: 'lines' }]);
  });
});

describe('a report of progress', () => {
  it('is read when it is exactly one', () => {
    expect(parseProgress('::progress {"percent":40,"message":"half"}')).toEqual({
      percent: 40,
      message: 'half',
    });
    expect(parseProgress('::progress {"percent":0}')).toEqual({ percent: 0, message: null });
  });

  it.each([
    ' ::progress {"percent":1}',
    '::progress{"percent":1}',
    '::progress {"percent":101}',
    '::progress {"percent":-1}',
    '::progress {"percent":"1"}',
    '::progress {"percent":1,"more":2}',
    '::progress {"message":"x"}',
    '::progress [1]',
    '::progress null',
    '::progress {"percent":1',
    '::progress {"percent":1,"message":"\\ud800"}',
    '::progress {"percent":1,"message":"\\u0000"}',
    `::progress {"percent":1,"message":"${'x'.repeat(progressMessageBytesMax + 1)}"}`,
    `::progress ${' '.repeat(100_000)}`,
  ])('is a line of the log when it only looks like one: %#', (text) => {
    expect(parseProgress(text)).toBeUndefined();
  });
});
