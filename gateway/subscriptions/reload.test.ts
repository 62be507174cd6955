import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { read, soon, within } from '../fixtures/clients.ts';
import type { ClientName, Reading } from '../fixtures/clients.ts';
import { liveToken, startLive } from './fixtures/live-graph.ts';
import type { LiveFixture } from './fixtures/live-graph.ts';

const changes = 'subscription { jobChanged(id: "j") { id step cost } }';
const at = (step: number) => ({ id: 'j', step, text: null });

let live: LiveFixture;
beforeEach(async () => {
  live = await startLive();
});
afterEach(() => live.stop());

const follow = (query = changes, client: ClientName = 'graphql-ws'): Reading =>
  read(live, client, query, liveToken());
const steps = ({ results }: Reading) =>
  results.map(({ data }) => (data as { jobChanged: { step: number } }).jobChanged.step);
const got = (reading: Reading, count: number) =>
  within(3_000, () => reading.results.length >= count);

/** What a stream was ended with, whichever way its client tells it. */
async function endingOf(reading: Reading): Promise<string> {
  const ending = await soon(reading.ended);
  const errors = ending instanceof Error && 'errors' in ending ? ending.errors : undefined;
  return JSON.stringify([ending, errors, reading.results]);
}

describe('a newer supergraph', () => {
  it('takes over an open stream between two events: none is lost and none comes twice', async () => {
    const reading = follow();
    await live.reading(1);
    live.channel.push(at(1));
    expect(await got(reading, 1)).toBe(true);
    await live.replace({ costs: 'has more' });
    for (const step of [2, 3]) live.channel.push(at(step));
    expect(await got(reading, 3)).toBe(true);
    expect(steps(reading)).toEqual([1, 2, 3]);
    expect(live.channel.opened).toBe(1);
  });

  it('is what the events after it are completed on', async () => {
    const reading = follow();
    await live.reading(1);
    live.channel.push(at(1));
    expect(await got(reading, 1)).toBe(true);
    await live.replace({ costs: 'moved' });
    live.channel.push(at(2));
    expect(await got(reading, 2)).toBe(true);
    const asked = live.calls.filter(({ kind }) => kind === 'execute');
    expect(asked.map(({ subgraph }) => subgraph)).toEqual(['costs', 'prices']);
    expect(live.channel.opened).toBe(1);
  });

  it('lets an event come to its end that is being completed meanwhile', async () => {
    let release = (): void => undefined;
    live.hold = () => new Promise((resolve) => (release = resolve));
    const reading = follow();
    await live.reading(1);
    live.channel.push(at(1));
    expect(await within(2_000, () => live.calls.some(({ kind }) => kind === 'execute'))).toBe(true);
    await live.replace({ costs: 'has more' });
    live.hold = () => Promise.resolve();
    live.channel.push(at(2));
    release();
    expect(await got(reading, 2)).toBe(true);
    expect(steps(reading)).toEqual([1, 2]);
  });

  it.each(['graphql-ws', 'graphql-sse'] as const)(
    'ends a stream that it does not know any more, not to be tried again (%s)',
    async (client) => {
      const [broken, whole] = [
        follow(changes, client),
        follow('subscription { jobChanged(id: "j") { step } }', client),
      ];
      await live.reading(2, 2);
      await live.replace({ costs: 'lost a field' });
      const told = await endingOf(broken);
      expect(told).toContain('GRAPHQL_VALIDATION_FAILED');
      expect(told).toContain('"retryable":false');
      live.channel.push(at(1));
      expect(await got(whole, 1)).toBe(true);
      expect(live.channel.open).toBe(1);
    },
  );

  it('ends a stream whose source has moved, to be opened again after the last cursor', async () => {
    const reading = follow();
    await live.reading(1);
    live.channel.push(at(1));
    expect(await got(reading, 1)).toBe(true);
    await live.replace({ jobsUrl: 'http://127.0.0.1:9/elsewhere' });
    const told = await endingOf(reading);
    expect(told).toContain('SUBGRAPH_UNAVAILABLE');
    expect(told).toContain('"retryable":true');
    expect(told).toMatch(/"retryAfterMs":\d+/);
    expect(await within(1_000, () => live.channel.open === 0)).toBe(true);
  });

  it('is what new subscribers read, beside those who stay on the stream from before', async () => {
    const before = follow();
    await live.reading(1);
    await live.replace({ costs: 'has more' });
    const after = follow();
    await live.reading(2, 2);
    live.channel.push(at(1));
    expect((await got(before, 1)) && (await got(after, 1))).toBe(true);
    expect(live.channel.opened).toBe(2);
  });
});
