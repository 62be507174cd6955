import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
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

const follow = (query: string, token = liveToken(), client: ClientName = 'graphql-ws'): Reading =>
  read(live, client, query, token);
const times = (count: number, make: () => Reading): Reading[] =>
  Array.from({ length: count }, make);
const got = (readings: readonly Reading[], count: number) =>
  within(3_000, () => readings.every(({ results }) => results.length >= count));
const steps = ({ results }: Reading) =>
  results.map(({ data }) => (data as { jobChanged: { step: number } }).jobChanged.step);
const executions = () => live.calls.filter(({ kind }) => kind === 'execute');

describe('subscribers who get the same', () => {
  it('share one source and one execution of each event, over both transports', async () => {
    const token = liveToken();
    const readings = [
      ...times(5, () => follow(changes, token, 'graphql-ws')),
      ...times(5, () => follow(changes, token, 'graphql-sse')),
    ];
    await live.reading(10);
    for (const step of [1, 2]) live.channel.push(at(step));
    expect(await got(readings, 2)).toBe(true);
    expect(live.channel.opened).toBe(1);
    expect(executions()).toHaveLength(2);
    for (const { results } of readings) {
      expect(results).toEqual([
        { data: { jobChanged: { id: 'j', step: 1, cost: 7 } } },
        { data: { jobChanged: { id: 'j', step: 2, cost: 7 } } },
      ]);
    }
  });

  it('may have tokens of different ages: subgraphs are told the one that ends last', async () => {
    follow(changes, liveToken({ ms: 60_000 }));
    await live.reading(1);
    follow(changes, liveToken({ ms: 7_200_000 }));
    const third = follow(changes, liveToken({ ms: 50_000 }));
    await live.reading(3);
    expect(live.channel.opened).toBe(1);
    live.channel.push(at(1));
    expect(await got([third], 1)).toBe(true);
    const [call] = executions();
    const { until } = decodeJwt(call?.headers['x-forge-identity'] ?? '');
    expect(Number(until) - Date.now()).toBeGreaterThan(7_000_000);
  });

  it('are all told when the source refuses, when it ends, and what came before', async () => {
    const refused = times(3, () => follow('subscription { closed { id } }'));
    for (const { ended, results } of refused) {
      await soon(ended);
      expect(JSON.stringify(results)).toContain('Job not found.');
    }
    const readings = times(3, () => follow(changes));
    await live.reading(3);
    live.channel.push(at(1));
    live.channel.end();
    for (const reading of readings) {
      expect(await soon(reading.ended)).toBeUndefined();
      expect(steps(reading)).toEqual([1]);
    }
  });
});

describe('subscribers for whom an answer may differ', () => {
  it.each([
    ['tenant', liveToken({ tenant: 'globex' }), changes],
    ['actor', liveToken({ id: 'bob' }), changes],
    ['scopes', liveToken({ scopes: ['a'] }), changes],
    ['variables', liveToken(), 'subscription { jobChanged(id: "k") { id step cost } }'],
    ['words', liveToken(), 'subscription { jobChanged(id: "j") { id step price: cost } }'],
  ])('never share: another %s has a source of its own', async (_what, token, query) => {
    follow(changes);
    follow(query, token);
    await live.reading(2, 2);
    const identities = live.calls.map(({ headers }) => {
      const { tenant, actor, scopes } = decodeJwt(headers['x-forge-identity'] ?? '');
      return JSON.stringify([tenant, actor, scopes]);
    });
    const isSameCaller = token === liveToken() || identities[0] === identities[1];
    expect(isSameCaller).toBe(query !== changes);
  });

  it('share whatever the order of their scopes', async () => {
    follow(changes, liveToken({ scopes: ['a', 'b'] }));
    follow(changes, liveToken({ scopes: ['b', 'a'] }));
    await live.reading(2);
    expect(live.channel.opened).toBe(1);
  });
});

describe('a subscriber who comes later', () => {
  it('has a source of its own, so that it sees what that begins with', async () => {
    const early = follow(changes);
    await live.reading(1);
    live.channel.push(at(1));
    expect(await got([early], 1)).toBe(true);
    const late = follow(changes);
    await live.reading(2, 2);
    live.channel.push(at(2));
    expect(await got([late], 1)).toBe(true);
    expect(steps(late)).toEqual([2]);
    expect(await got([early], 2)).toBe(true);
  });

  it('does not join while the first event is being completed', async () => {
    let release = (): void => undefined;
    live.hold = () => new Promise((resolve) => (release = resolve));
    const early = follow(changes);
    await live.reading(1);
    live.channel.push(at(1));
    expect(await within(2_000, () => executions().length === 1)).toBe(true);
    const late = follow(changes);
    await live.reading(2, 2);
    live.hold = () => Promise.resolve();
    release();
    expect(await got([early], 1)).toBe(true);
    live.channel.push(at(2));
    expect(await got([late], 1)).toBe(true);
    expect(steps(late)).toEqual([2]);
  });
});

describe('subscribers who leave', () => {
  it.each(['graphql-ws', 'graphql-sse'] as const)(
    'close the source within a second when the last is gone, and not before (%s)',
    async (client) => {
      const readings = times(3, () => follow(changes, liveToken(), client));
      await live.reading(3);
      readings[0]?.leave();
      readings[1]?.leave();
      await live.reading(1);
      expect(live.channel.open).toBe(1);
      live.channel.push(at(1));
      const [, , last] = readings;
      expect(last && (await got([last], 1))).toBe(true);
      last?.leave();
      expect(await within(1_000, () => live.channel.open === 0)).toBe(true);
    },
  );

  it('get nothing of an event that is being completed, and the others all of it', async () => {
    let release = (): void => undefined;
    live.hold = () => new Promise((resolve) => (release = resolve));
    const [leaving, staying] = [follow(changes), follow(changes)];
    await live.reading(2);
    live.channel.push(at(1));
    expect(await within(2_000, () => executions().length === 1)).toBe(true);
    leaving.leave();
    await live.reading(1);
    release();
    expect(await got([staying], 1)).toBe(true);
    expect(leaving.results).toEqual([]);
  });
});
