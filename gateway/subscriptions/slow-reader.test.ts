import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { read, within } from '../fixtures/clients.ts';
import { liveToken, startLive } from './fixtures/live-graph.ts';
import type { LiveFixture } from './fixtures/live-graph.ts';

let live: LiveFixture;
beforeEach(async () => {
  live = await startLive({ limits: { queuedResultsMax: 16 } });
});
afterEach(() => live.stop());

interface Result {
  readonly data: Record<string, { readonly seq?: number; readonly step?: number }>;
  readonly extensions?: { readonly gap?: { readonly dropped: number } };
}

const events = 300;
/** More than the buffers of a socket hold, all in all. */
const text = 'x'.repeat(100_000);

/** A client whose connection can be told to read nothing. */
function pausable(query: string) {
  const results: Result[] = [];
  let socket: WebSocket | undefined;
  const client = createClient({
    url: live.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${liveToken()}` },
    on: { connected: (one) => (socket = one as WebSocket) },
  });
  const leave = client.subscribe<Result['data']>(
    { query },
    {
      next: (result) => results.push(result as unknown as Result),
      error: () => undefined,
      complete: () => undefined,
    },
  );
  return {
    results,
    leave,
    pause: () => socket?.pause(),
    resume: () => socket?.resume(),
  };
}

describe('one slow reader beside a fast one', () => {
  it.each([
    ['entries of a log', 'subscription { jobLog(id: "j") { seq text } }'],
    ['states of an entity', 'subscription { jobChanged(id: "j") { id step text } }'],
  ])(
    'of %s holds up nobody, holds little, and is told of each result it missed',
    async (_what, query) => {
      const slow = pausable(query);
      const fast = read(live, 'graphql-ws', query, liveToken());
      await live.reading(2);
      expect(live.channel.opened).toBe(1);
      slow.pause();
      for (let seq = 1; seq <= events; seq += 1) {
        live.channel.push({ seq, id: 'j', step: seq, text, job: { id: 'j' } });
        // Each is there before the next comes, so nothing waits for the slow one.
        expect(await within(2_000, () => fast.results.length === seq)).toBe(true);
      }
      slow.resume();
      const last = () => {
        const [event] = Object.values(slow.results.at(-1)?.data ?? {});
        return event?.seq ?? event?.step;
      };
      expect(await within(5_000, () => last() === events)).toBe(true);
      const missed = slow.results.reduce(
        (sum, { extensions }) => sum + (extensions?.gap?.dropped ?? 0),
        0,
      );
      expect(missed).toBeGreaterThan(0);
      expect(slow.results.length + missed).toBe(events);
      slow.leave();
    },
    30_000,
  );
});

describe('a slow reader alone on its stream', () => {
  it('slows its source and loses nothing', async () => {
    const slow = pausable('subscription { jobLog(id: "j") { seq text } }');
    await live.reading(1);
    slow.pause();
    for (let seq = 1; seq <= events; seq += 1) live.channel.push({ seq, text, job: { id: 'j' } });
    await new Promise((resolve) => setTimeout(resolve, 500));
    slow.resume();
    expect(await within(10_000, () => slow.results.length === events)).toBe(true);
    expect(slow.results.map(({ data }) => data['jobLog']?.seq)).toEqual(
      Array.from({ length: events }, (_, index) => index + 1),
    );
    expect(slow.results.some(({ extensions }) => extensions)).toBe(false);
    slow.leave();
  }, 30_000);
});
