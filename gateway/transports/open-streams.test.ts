import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { HttpStream } from './http-stream.ts';
import { OpenStreams } from './open-streams.ts';

class Stream implements Pick<HttpStream, 'id' | 'fail'> {
  readonly id: string;
  reason: unknown;

  constructor(id: string) {
    this.id = id;
  }

  fail(reason: unknown): void {
    this.reason = reason;
  }
}

const as = (stream: Stream): HttpStream => stream as unknown as HttpStream;

describe('the open streams of a gateway that stops', () => {
  it('end, those as well that are opened while it stops, and none that has ended before', async () => {
    const open = new OpenStreams();
    const [before, gone, late] = [new Stream('1'), new Stream('2'), new Stream('3')];
    open.add(as(before));
    open.add(as(gone));
    open.delete(as(gone));
    open.end('restarting');
    open.add(as(late));
    await turn();
    await turn();
    expect([before, gone, late].map(({ reason }) => reason)).toEqual([
      'restarting',
      undefined,
      'restarting',
    ]);
  });
});
