import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseEventStream } from './event-stream-parser.ts';

describe('parseEventStream', () => {
  it('finds the same events wherever the bytes are cut', async () => {
    const stream =
      '\uFEFF: hello\n\nevent: next\ndata: {"ü":"日本"}\r\n\r\nevent:next\rdata:a\rdata: b\r\r' +
      'id: 7\nretry: 5\ndata\n\nevent: complete\ndata:\n\nevent: lost\ndata: cut';
    const expected = [
      { event: 'next', data: '{"ü":"日本"}' },
      { event: 'next', data: 'a\nb' },
      { event: 'message', data: '' },
      { event: 'complete', data: '' },
    ];
    const bytes = new TextEncoder().encode(stream);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }),
        async (cuts) => {
          expect(await all(chunks(bytes, cuts))).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("dispatches graphql-sse's complete even without data", async () => {
    expect(await all(chunks(new TextEncoder().encode('event: complete\n\n'), []))).toEqual([
      { event: 'complete', data: '' },
    ]);
  });

  it('gives an event as soon as it is finished, before more bytes come', async () => {
    const never = new Promise<IteratorResult<Uint8Array>>(() => undefined);
    const first = new TextEncoder().encode('data: 1\n\nda');
    let reads = 0;
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => (reads++ === 0 ? Promise.resolve({ done: false, value: first }) : never),
      }),
    };
    const event = await parseEventStream(source).next();
    expect(event.value).toEqual({ event: 'message', data: '1' });
    expect(reads).toBe(1);
  });

  it('refuses an event without end instead of keeping it', async () => {
    async function* endless() {
      for (;;) yield await bytesOf('data: '.padEnd(1_000, 'x'));
    }
    await expect(all(endless(), 50_000)).rejects.toThrow('50000');
    async function* manyLines() {
      for (;;) yield await bytesOf('data: x\n');
    }
    await expect(all(manyLines(), 5_000)).rejects.toThrow('5000');
  });

  it('reads a large event in time linear to its size', async () => {
    const bytes = new TextEncoder().encode(`data: ${'x'.repeat(8_000_000)}\n\n`);
    const started = Date.now();
    const [event] = await all(
      chunks(
        bytes,
        Array.from({ length: 8_000 }, () => 1_000),
      ),
    );
    expect(event?.data).toHaveLength(8_000_000);
    expect(Date.now() - started).toBeLessThan(3_000);
  });
});

async function all(source: AsyncIterable<Uint8Array>, max?: number) {
  const events = [];
  for await (const event of parseEventStream(source, max)) events.push(event);
  return events;
}

async function* chunks(bytes: Uint8Array, sizes: readonly number[]) {
  let start = 0;
  for (const size of sizes) {
    yield await Promise.resolve(bytes.subarray(start, start + size));
    start += size;
  }
  yield bytes.subarray(start);
}

function bytesOf(text: string): Promise<Uint8Array> {
  return Promise.resolve(new TextEncoder().encode(text));
}
