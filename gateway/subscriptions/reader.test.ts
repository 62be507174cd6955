import { describe, expect, it } from '@jest/globals';
import { Delivery } from './delivery.ts';
import type { Notices } from './delivery.ts';
import { Reader } from './reader.ts';
import type { Sink } from './reader.ts';

/** A transport that takes results as long as it has room, and counts what it was told. */
class SlowSink implements Sink {
  readonly written: unknown[] = [];
  ending: unknown = 'open';
  room = 0;

  write(delivery: Delivery, notices: Notices | undefined): boolean {
    this.written.push(JSON.parse(delivery.jsonWith(notices)));
    this.room -= 1;
    return this.room > 0;
  }

  end(errors: unknown): void {
    this.ending = errors;
  }
}

const limits = { queuedResultsMax: 3, queuedCharactersMax: 10_000 };
const result = (seq: number, entity?: string) => new Delivery({ data: { seq } }, entity);
const gap = (seq: number, dropped: number) => ({ data: { seq }, extensions: { gap: { dropped } } });

function slowReader(rules = limits) {
  const sink = new SlowSink();
  const dropped = { count: 0 };
  const onDropped = () => (dropped.count += 1);
  return { sink, dropped, reader: new Reader(sink, undefined, { limits: rules, onDropped }) };
}

describe('a reader that takes what comes', () => {
  it('gets every result at once and in order', () => {
    const { sink, reader } = slowReader();
    sink.room = Infinity;
    for (const seq of [1, 2, 3]) reader.take(result(seq));
    expect(sink.written).toEqual([1, 2, 3].map((seq) => ({ data: { seq } })));
    expect(reader.isReady).toBe(true);
  });
});

describe('a reader that is slow', () => {
  it('finds what came meanwhile, in order, without a gap as long as the queue holds it', () => {
    const { sink, reader } = slowReader();
    for (const seq of [1, 2, 3, 4]) reader.take(result(seq));
    expect(reader.isReady).toBe(false);
    expect(sink.written).toEqual([{ data: { seq: 1 } }]);
    sink.room = Infinity;
    reader.resume();
    expect(sink.written).toEqual([1, 2, 3, 4].map((seq) => ({ data: { seq } })));
    expect(reader.isReady).toBe(true);
  });

  it('loses the oldest beyond the queue, and is told how many with the next result', () => {
    const { sink, reader, dropped } = slowReader();
    for (let seq = 1; seq <= 9; seq += 1) reader.take(result(seq));
    sink.room = Infinity;
    reader.resume();
    expect(sink.written).toEqual([
      { data: { seq: 1 } },
      gap(7, 5),
      { data: { seq: 8 } },
      { data: { seq: 9 } },
    ]);
    expect(dropped.count).toBe(5);
  });

  it('keeps the last state of every entity while older states of the same give way', () => {
    const { sink, reader } = slowReader();
    reader.take(result(0, 'a'));
    reader.take(result(1, 'b'));
    for (let seq = 2; seq <= 9; seq += 1) reader.take(result(seq, 'a'));
    sink.room = Infinity;
    reader.resume();
    expect(sink.written).toEqual([
      { data: { seq: 0 } },
      gap(1, 6),
      { data: { seq: 8 } },
      { data: { seq: 9 } },
    ]);
  });

  it('is bounded by size as well, and still gets a result that is larger than the bound', () => {
    const { sink, reader } = slowReader({ queuedResultsMax: 100, queuedCharactersMax: 100 });
    const large = (seq: number) => new Delivery({ data: { seq, text: 'x'.repeat(200) } });
    for (const seq of [1, 2, 3]) reader.take(large(seq));
    sink.room = Infinity;
    reader.resume();
    expect(sink.written).toMatchObject([
      { data: { seq: 1 } },
      { data: { seq: 3 }, extensions: { gap: { dropped: 1 } } },
    ]);
  });

  it('keeps its extensions beside the notice of a gap', () => {
    const delivery = new Delivery({ data: null, extensions: { cost: 1 } });
    expect(JSON.parse(delivery.jsonWith({ gap: { dropped: 2 } }))).toEqual({
      data: null,
      extensions: { cost: 1, gap: { dropped: 2 } },
    });
  });

  it('is told of the end behind what waits for it', () => {
    const { sink, reader } = slowReader();
    for (const seq of [1, 2]) reader.take(result(seq));
    reader.end(undefined);
    expect(sink.ending).toBe('open');
    sink.room = Infinity;
    reader.resume();
    expect(sink.written).toHaveLength(2);
    expect(sink.ending).toBeUndefined();
  });
});
