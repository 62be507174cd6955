import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { read, within } from '../fixtures/clients.ts';
import type { Reading } from '../fixtures/clients.ts';
import { liveToken, startLive } from './fixtures/live-graph.ts';
import type { LiveFixture } from './fixtures/live-graph.ts';

const log = (after: string, fields = 'cursor') =>
  `subscription { jobLog(id: "j", after: "${after}") { seq ${fields} job { cost } } }`;
const entry = (seq: number, cursor = `c${String(seq)}`) => ({ seq, cursor, job: { id: 'j' } });

let live: LiveFixture;
beforeEach(async () => {
  live = await startLive();
});
afterEach(() => live.stop());

const follow = (query: string, token = liveToken()): Reading =>
  read(live, 'graphql-ws', query, token);
const executions = () => live.calls.filter(({ kind }) => kind === 'execute').length;
const got = (readings: readonly Reading[], count: number) =>
  within(3_000, () => readings.every(({ results }) => results.length >= count));

/** Two streams of the same words, of which the second was opened after the first began. */
async function early(query: string, lateQuery = query, lateToken = liveToken()) {
  const first = follow(query);
  await live.reading(1);
  live.channel.push(entry(1));
  expect(await got([first], 1)).toBe(true);
  const second = follow(lateQuery, lateToken);
  await live.reading(2, 2);
  return [first, second] as const;
}

describe('streams that were opened at different times', () => {
  it('share the completion of an event that says where it stands', async () => {
    const readings = await early(log('c0'));
    live.channel.push(entry(2));
    expect(await got(readings, 1)).toBe(true);
    expect(await within(2_000, () => readings[0].results.length === 2)).toBe(true);
    expect(executions()).toBe(2);
    expect(readings[1].results).toEqual([
      { data: { jobLog: { seq: 2, cursor: 'c2', job: { cost: 7 } } } },
    ]);
  });

  it.each([
    ['of another actor', log('c0'), liveToken({ id: 'bob' })],
    ['of another tenant', log('c0'), liveToken({ tenant: 'globex' })],
    ['in other words', log('c0', 'place: cursor'), liveToken()],
  ])('do not when one is %s', async (_how, query, token) => {
    const readings = await early(log('c0'), query, token);
    live.channel.push(entry(2));
    expect(await got(readings, 1)).toBe(true);
    expect(await within(2_000, () => readings[0].results.length === 2)).toBe(true);
    expect(executions()).toBe(3);
  });

  it('never share that of an event which could be another one with the same bytes', async () => {
    const readings = await early(log('c0', ''));
    live.channel.push(entry(2));
    expect(await within(2_000, () => readings[1].results.length === 1)).toBe(true);
    live.price = 8;
    live.channel.push(entry(2));
    expect(await within(2_000, () => readings[1].results.length === 2)).toBe(true);
    expect(readings[1].results.at(-1)).toMatchObject({ data: { jobLog: { job: { cost: 8 } } } });
  });

  it('do not share one that is done for long, nor one that failed', async () => {
    const readings = await early(log('c0'));
    live.hold = () => Promise.reject(new Error('no costs'));
    live.channel.push(entry(2));
    expect(await within(2_000, () => readings[1].results.length === 1)).toBe(true);
    live.hold = () => Promise.resolve();
    live.channel.push(entry(2));
    expect(await within(2_000, () => readings[1].results.length === 2)).toBe(true);
    expect(readings[1].results.at(-1)).toMatchObject({ data: { jobLog: { job: { cost: 7 } } } });
    await new Promise((resolve) => setTimeout(resolve, 150));
    live.price = 9;
    live.channel.push(entry(2));
    expect(await within(2_000, () => readings[1].results.length === 3)).toBe(true);
    expect(readings[1].results.at(-1)).toMatchObject({ data: { jobLog: { job: { cost: 9 } } } });
  });

  it('share although they began after other cursors, and one that leaves holds up nobody', async () => {
    const query = `subscription S($after: Cursor) {
      jobLog(id: "j", after: $after) { seq cursor job { cost } } }`;
    const open = async (after: string) => {
      const { body } = await request(live.url, {
        method: 'POST',
        headers: {
          ...{ 'content-type': 'application/json', accept: 'text/event-stream' },
          authorization: `Bearer ${token}`,
        },
        body: JSON.stringify({ query, variables: { after } }),
      });
      const seen = { text: '' };
      body.on('error', () => undefined);
      body.on('data', (chunk: Buffer) => (seen.text += chunk.toString()));
      return { seen, leave: () => body.destroy() };
    };
    const token = liveToken();
    const [first, second] = [await open('c0'), await open('c1')];
    await live.reading(2, 2);
    let release = (): void => undefined;
    live.hold = () => new Promise((resolve) => (release = resolve));
    live.channel.push(entry(1));
    expect(await within(2_000, () => executions() === 1)).toBe(true);
    first.leave();
    await live.reading(1);
    release();
    expect(await within(2_000, () => second.seen.text.includes('"cost":7'))).toBe(true);
    expect(first.seen.text).not.toContain('cost');
    expect(executions()).toBe(1);
  });
});
