import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { post, read, settled, soon, within } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';

describe.each(['in-process', 'http'] as const)('subscriptions with %s subgraphs', (mode) => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture(mode, { limits: { heartbeatMs: 100 } });
  });
  afterAll(() => fixture.stop());

  it.each(['graphql-ws', 'graphql-sse', 'Apollo Client over multipart'] as const)(
    'deliver 1,000 completed events in order and without a gap over %s',
    async (client) => {
      const query = 'subscription { jobEvents(jobId: "abc", until: 1000) { seq job { cost } } }';
      const reading = read(fixture, client, query);
      expect(await soon(reading.ended, 15_000)).toBeUndefined();
      const events = reading.results.map(({ data }) => data?.['jobEvents']);
      expect(events).toMatchObject(
        Array.from({ length: 1000 }, (_, index) => ({ seq: index + 1, job: { cost: 300 } })),
      );
    },
    20_000,
  );

  it('go on after a cursor, so that a reader who comes back misses nothing', async () => {
    const query = 'subscription { jobEvents(jobId: "a", until: 5, after: 3) { seq } }';
    const reading = read(fixture, 'graphql-sse', query);
    await soon(reading.ended);
    expect(reading.results.map(({ data }) => data)).toEqual([
      { jobEvents: { seq: 4 } },
      { jobEvents: { seq: 5 } },
    ]);
  });

  it('keep a null event in its place', async () => {
    const reading = read(
      fixture,
      'graphql-sse',
      'subscription { jobUpdated(id: "ab") { id cost } }',
    );
    await soon(reading.ended);
    expect(reading.results.map(({ data }) => data)).toEqual([
      { jobUpdated: { id: 'ab', cost: 200 } },
      { jobUpdated: null },
      { jobUpdated: { id: 'ab', cost: 200 } },
    ]);
  });

  it('obey @include and @skip with variables, also in what other subgraphs add', async () => {
    const body = {
      query: `subscription S($cost: Boolean!) { jobEvents(jobId: "ab", until: 1) {
        seq job { cost @include(if: $cost) notes @skip(if: $cost) } } }`,
      variables: { cost: false },
    };
    const { text } = await post(fixture, body, { accept: 'text/event-stream' });
    expect(text).toContain('"job":{"notes":["note of ab"]}');
  });

  it('lose a non-null field of another subgraph to an error, and go on', async () => {
    const query = 'subscription { jobEvents(jobId: "ab", until: 2) { seq job { mustHave } } }';
    const reading = read(fixture, 'graphql-sse', query);
    await soon(reading.ended);
    expect(reading.results).toHaveLength(2);
    expect(reading.results[0]).toMatchObject({
      data: null,
      errors: [{ path: ['jobEvents', 'job', 'mustHave'], extensions: { code: 'INTERNAL' } }],
    });
    expect(JSON.stringify(reading.results)).not.toContain('hunter2');
  });

  it('end with a fatal error, not as if complete, when their source breaks', async () => {
    const { text } = await post(
      fixture,
      { query: 'subscription { fails(at: 2) { seq } }' },
      { accept: 'multipart/mixed;subscriptionSpec=1.0' },
    );
    expect(text).toContain('{"payload":{"data":{"fails":{"seq":1}}}}');
    expect(text).toMatch(/\{"payload":null,"errors":\[\{"message"/);
    expect(text).not.toContain('hunter2');
  });

  it('stop reading their source while a client does not read', async () => {
    const { body } = await request(fixture.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: 'Bearer alice',
      },
      body: JSON.stringify({ query: 'subscription { endless(bytes: 20000) { seq text } }' }),
    });
    body.on('error', () => undefined);
    const reader = body[Symbol.asyncIterator]();
    await reader.next();
    const held = await settled(() => fixture.state.produced);
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(3_000);
    for (let chunks = 0; chunks < 2_000 && fixture.state.produced <= held + 50; chunks += 1) {
      await reader.next();
    }
    expect(fixture.state.produced).toBeGreaterThan(held);
    body.destroy();
    expect(await within(1_000, () => !fixture.state.openStreams.has('endless'))).toBe(true);
  }, 20_000);

  it('leave no source behind when many readers leave at once', async () => {
    const readings = Array.from({ length: 60 }, (_, index) =>
      read(
        fixture,
        index % 2 ? 'graphql-ws' : 'graphql-sse',
        'subscription { quiet { seq } }',
        `reader-${String(index)}`,
      ),
    );
    const opened = () => fixture.state.openStreams.count('quiet');
    expect(await within(5_000, () => opened() === 60)).toBe(true);
    for (const { leave } of readings) leave();
    expect(await within(1_000, () => opened() === 0)).toBe(true);
  });

  it('carry heartbeats on both HTTP formats while nothing happens', async () => {
    for (const [accept, heartbeat] of [
      ['text/event-stream', ':\n\n:\n\n:\n\n'],
      ['multipart/mixed;subscriptionSpec=1.0', '\r\n\r\n{}\r\n--graphql'],
    ] as const) {
      const { body, headers } = await request(fixture.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept, authorization: 'Bearer alice' },
        body: JSON.stringify({ query: 'subscription { quiet { seq } }' }),
      });
      expect(String(headers['content-type'])).toContain(accept.split(';')[0]);
      body.on('error', () => undefined);
      let seen = '';
      body.on('data', (chunk: Buffer) => (seen += chunk.toString()));
      expect(await within(2_000, () => seen.includes(heartbeat))).toBe(true);
      body.destroy();
    }
  });

  it.each(['graphql-sse', 'Apollo Client over multipart', 'urql'] as const)(
    'end with UNAUTHENTICATED when the token of %s expires',
    async (client) => {
      const reading = read(fixture, client, 'subscription { quiet { seq } }', 'alice.300');
      const ending = await soon(reading.ended, 3_000);
      expect(JSON.stringify([ending, reading.results, errorsIn(ending)])).toContain(
        'UNAUTHENTICATED',
      );
      expect(await within(1_000, () => !fixture.state.openStreams.has('quiet'))).toBe(true);
    },
  );

  it('are refused before they reach a subgraph when they do not validate', async () => {
    fixture.state.requests.length = 0;
    const refused = async (query: string, variables?: object) => {
      const { text } = await post(fixture, { query, variables }, { accept: 'text/event-stream' });
      return text;
    };
    expect(await refused('subscription { quiet { seq } jobUpdated(id: "a") { id } }')).toContain(
      'GRAPHQL_VALIDATION_FAILED',
    );
    expect(await refused('subscription { quiet { nothing } }')).toContain(
      'GRAPHQL_VALIDATION_FAILED',
    );
    expect(await refused('subscription { quiet { seq }')).toContain('GRAPHQL_PARSE_FAILED');
    expect(await refused('subscription S($id: ID!) { jobUpdated(id: $id) { id } }', {})).toContain(
      'BAD_USER_INPUT',
    );
    expect(fixture.state.requests).toEqual([]);
  });

  it('share the stream formats with queries and mutations', async () => {
    const { text } = await post(
      fixture,
      { query: 'mutation { renameJob(id: "ab", title: "t") { title cost } }' },
      { accept: 'text/event-stream' },
    );
    expect(text).toContain('data: {"data":{"renameJob":{"title":"t","cost":200}}}');
    expect(text).toContain('event: complete');
    const query = encodeURIComponent('{ job(id: "ab") { cost } }');
    const got = await fetch(`${fixture.url}?query=${query}`, {
      headers: { accept: 'text/event-stream', authorization: 'Bearer alice' },
    });
    expect(await got.text()).toContain('data: {"data":{"job":{"cost":200}}}');
  });
});

describe('a gateway that stops', () => {
  it('ends HTTP streams with a retryable error and closes their sources', async () => {
    const fixture = await startFixture('http');
    const sse = read(fixture, 'graphql-sse', 'subscription { quiet { seq } }');
    const multipart = read(
      fixture,
      'Apollo Client over multipart',
      'subscription { quiet { seq job { id } } }',
    );
    expect(await within(3_000, () => fixture.state.requests.length === 2)).toBe(true);
    await soon(fixture.gateway.stop(3_000), 2_000);
    for (const reading of [sse, multipart]) {
      const ending = await soon(reading.ended);
      const told = JSON.stringify([reading.results, errorsIn(ending)]);
      expect(told).toContain('SUBGRAPH_UNAVAILABLE');
      expect(told).toContain('"retryable":true');
      expect(told).toMatch(/"retryAfterMs":\d+/);
    }
    await fixture.stop();
  });
});

function errorsIn(ending: unknown): unknown {
  return ending instanceof Error && 'errors' in ending ? ending.errors : undefined;
}
