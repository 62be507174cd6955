import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { as, callerVerifier } from '../fixtures/callers.ts';
import { post } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';
import type { GatewayOptions } from '../gateway.ts';
import { fixedSupergraph } from '../supergraph/source.ts';
import type { Shop } from './fixtures/shop.ts';
import { composeShop, serveShop, shop } from './fixtures/shop.ts';

let fixture: RunningFixture;
let served: Shop;
let close: () => void = () => undefined;

async function start(
  caching: GatewayOptions['caching'] = {},
  options: Partial<GatewayOptions> = {},
): Promise<void> {
  served = shop();
  fixture = await startFixture('in-process', {
    supergraph: fixedSupergraph(composeShop(served)),
    endpoints: served.endpoints,
    verifyToken: callerVerifier,
    caching,
    ...options,
  });
}

afterEach(async () => {
  await fixture.stop();
  close();
});

const cacheControlOf = async (query: string, headers = as('acme')): Promise<unknown> =>
  (await post(fixture, { query }, headers)).headers.get('cache-control');

describe('the cache-control of an answer', () => {
  it('is the least of what its fields say, and no-store where one says nothing', async () => {
    await start();
    expect(await cacheControlOf('{ item(id: "a") { name } }')).toBe('max-age=60, public');
    expect(await cacheControlOf('{ item(id: "a") { name price } }')).toBe('max-age=10, public');
    expect(await cacheControlOf('{ basket { size } item(id: "a") { name } }')).toBe(
      'max-age=30, private',
    );
    expect(await cacheControlOf('{ slow(ms: 0) item(id: "a") { name } }')).toBe('no-store');
    expect(await cacheControlOf('mutation { add(id: "a") { size } }')).toBe('no-store');
  });

  it('holds for the same token and forwarded headers only, whatever cache is between', async () => {
    const subgraphRules = { all: { forward: ['accept-language'] } };
    await start({}, { subgraphRules });
    const { headers } = await post(fixture, { query: '{ item(id: "a") { name } }' }, as('acme'));
    expect(headers.get('vary')).toBe('accept, authorization, accept-language');
  });

  it('is no-store with an error anywhere, and for a refusal', async () => {
    await start();
    expect(await cacheControlOf('{ item(id: "a") { name } broken }')).toBe('no-store');
    expect(await cacheControlOf('{ nothing }')).toBe('no-store');
  });

  it.each([
    ['the least of all', { items: 'max-age=60', prices: 'public, max-age=7' }, 'max-age=7, public'],
    ['private by one', { items: 'max-age=9, private', prices: 'max-age=70' }, 'max-age=9, private'],
    ['nothing said by one', { items: 'max-age=60' }, 'no-store'],
    ['no-store by one', { items: 'max-age=60', prices: 'no-store, max-age=9' }, 'no-store'],
    ['no-cache by one', { items: 'max-age=60, no-cache', prices: 'max-age=9' }, 'no-store'],
  ])('is what subgraphs behind HTTP say: %s', async (_name, headers, expected) => {
    const hintless = shop(false);
    Object.assign(hintless.headers, headers);
    const http = await serveShop(hintless);
    close = http.close;
    fixture = await startFixture('in-process', {
      supergraph: fixedSupergraph(composeShop(hintless, http.urls)),
      endpoints: undefined,
      verifyToken: callerVerifier,
      caching: { responseBytesMax: 1_000_000 },
    });
    const query = '{ item(id: "a") { name price } }';
    expect(await cacheControlOf(query)).toBe(expected);
    await cacheControlOf(query);
    expect(hintless.asked).toHaveLength(expected === 'no-store' ? 4 : 2);
  });

  it('of a subgraph behind HTTP restricts what the graph allows', async () => {
    served = shop();
    served.headers['items'] = 'max-age=4, private';
    const http = await serveShop(served);
    close = http.close;
    fixture = await startFixture('in-process', {
      supergraph: fixedSupergraph(composeShop(served, http.urls)),
      endpoints: undefined,
      verifyToken: callerVerifier,
    });
    expect(await cacheControlOf('{ item(id: "a") { name } }')).toBe('max-age=4, private');
  });
});

describe('an answer that is kept', () => {
  const query = '{ item(id: "a") { name } }';
  const ask = (headers: Record<string, string>, body: object = { query }) =>
    post(fixture, body, headers);
  const kept = { responseBytesMax: 1_000_000 };

  it('is not, unless that is switched on', async () => {
    await start();
    await ask(as('acme'));
    await ask(as('acme'));
    expect(served.asked).toHaveLength(2);
  });

  it('is given again with its age, to all of the tenant who may read the same', async () => {
    const registry = new Registry();
    await start(kept, { registry });
    const first = await ask(as('acme', 'alice', 'a+b'));
    const again = await ask(as('acme', 'bob', 'b+a'));
    expect(again.body).toEqual(first.body);
    expect(first.headers.get('age')).toBeNull();
    expect(again.headers.get('age')).toBe('0');
    expect(again.headers.get('cache-control')).toBe('max-age=60, public');
    expect(served.asked).toHaveLength(1);
    expect(await registry.metrics()).toContain('forge_gateway_cache_entries{cache="responses"} 1');
  });

  it.each([
    ['another tenant', as('globex', 'alice', 'a'), { query }],
    ['other scopes', as('acme', 'alice', 'a+b'), { query }],
    ['other variables', as('acme', 'alice', 'a'), { query, variables: { x: 1 } }],
    [
      'another response key',
      as('acme', 'alice', 'a'),
      { query: '{ other: item(id: "a") { name } }' },
    ],
  ])('is not given to %s', async (_name, headers, body) => {
    await start(kept);
    await ask(as('acme', 'alice', 'a'));
    await ask(headers, body);
    expect(served.asked).toHaveLength(2);
  });

  it('is not given to who sends another value of a header that subgraphs get', async () => {
    await start(kept, { subgraphRules: { all: { forward: ['accept-language'] } } });
    for (const language of ['de', 'fr', 'de']) {
      await ask({ ...as('acme'), 'accept-language': language });
    }
    expect(served.asked).toHaveLength(2);
  });

  it('is for its own actor only when it is PRIVATE', async () => {
    await start(kept);
    const own = { query: '{ basket { size } }' };
    for (const actor of ['alice', 'bob', 'alice', 'bob']) await ask(as('acme', actor), own);
    expect(served.asked).toHaveLength(2);
  });

  it('is the same in whatever order the variables came', async () => {
    await start(kept);
    const text = 'query ($a: ID!, $b: ID!) { x: item(id: $a) { name } y: item(id: $b) { name } }';
    await ask(as('acme'), { query: text, variables: { a: '1', b: '2' } });
    const { body } = await ask(as('acme'), { query: text, variables: { b: '2', a: '1' } });
    expect(body.data).toEqual({ x: { name: 'item 1' }, y: { name: 'item 2' } });
    expect(served.asked).toHaveLength(1);
  });

  it('is never one with errors, and never that of a mutation', async () => {
    await start(kept);
    for (const text of ['{ broken }', 'mutation { add(id: "a") { size } }']) {
      served.asked.length = 0;
      await ask(as('acme'), { query: text });
      await ask(as('acme'), { query: text });
      expect(served.asked).toHaveLength(2);
    }
  });

  it('is passed over by no-cache and no-store, and no-store keeps nothing', async () => {
    await start(kept);
    await ask({ ...as('acme'), 'cache-control': 'no-store' });
    await ask({ ...as('acme'), 'cache-control': 'no-cache' });
    expect(served.asked).toHaveLength(2);
    await ask(as('acme'));
    expect(served.asked).toHaveLength(2);
  });

  it('holds no more than it may, whatever comes', async () => {
    const registry = new Registry();
    await start({ responseBytesMax: 2_000 }, { registry });
    for (let index = 0; index < 40; index += 1) {
      await ask(as('acme'), { query, variables: { index } });
    }
    const [, bytes] =
      /forge_gateway_cache_bytes{cache="responses"} (\d+)/.exec(await registry.metrics()) ?? [];
    expect(Number(bytes)).toBeGreaterThan(0);
    expect(Number(bytes)).toBeLessThanOrEqual(2_000);
  });
});

describe('who asks the same at the same time', () => {
  const query = '{ slow(ms: 300) }';
  const ask = (headers = as('acme'), body: object = { query }) => post(fixture, body, headers);
  const shared = { sharesInFlight: true };

  it('waits for one execution, when that is switched on', async () => {
    await start(shared);
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map(({ body }) => body)).toEqual(
      Array.from({ length: 3 }, () => ({ data: { slow: 'slow 0' } })),
    );
    expect(served.asked).toHaveLength(1);
    await ask();
    expect(served.asked).toHaveLength(2);
    await fixture.stop();
    await start();
    await Promise.all([ask(), ask()]);
    expect(served.asked).toHaveLength(2);
  });

  it.each([
    ['another tenant', as('globex')],
    ['another actor', as('acme', 'bob')],
    ['other scopes', as('acme', 'alice', 'more')],
    ['a wish for a fresh answer', { ...as('acme'), 'cache-control': 'no-cache' }],
  ])('has an execution of its own for %s', async (_name, headers) => {
    await start(shared);
    await Promise.all([ask(), ask(headers)]);
    expect(served.asked).toHaveLength(2);
  });

  it('has each mutation done', async () => {
    await start(shared);
    const add = { query: 'mutation { add(id: "a") { size } }' };
    const answers = await Promise.all([ask(as('acme'), add), ask(as('acme'), add)]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(2);
  });

  it('never waits for what was begun before a change that it has seen the end of', async () => {
    await start(shared);
    const before = ask();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await ask(as('acme'), { query: 'mutation { add(id: "a") { size } }' });
    const after = ask();
    expect((await before).body.data).toBeDefined();
    expect((await after).body.data).toEqual({ slow: 'slow 1' });
    expect(served.asked).toHaveLength(3);
  });

  it.each(['first', 'second'] as const)(
    'gets the answer when the %s of two leaves, and nothing runs on when both leave',
    async (leaver) => {
      await start(shared);
      const gone = [new AbortController(), new AbortController()] as const;
      const send = async ({ signal }: AbortController) => {
        const response = await fetch(fixture.url, {
          ...{ method: 'POST', signal, body: JSON.stringify({ query }) },
          headers: { 'content-type': 'application/json', ...as('acme') },
        });
        return response.text();
      };
      const first = send(gone[0]).catch(() => 'left');
      await new Promise((resolve) => setTimeout(resolve, 50));
      const second = send(gone[1]).catch(() => 'left');
      await new Promise((resolve) => setTimeout(resolve, 50));
      gone[leaver === 'first' ? 0 : 1].abort();
      const answers = [await first, await second];
      expect(answers.toSorted()).toEqual(['left', '{"data":{"slow":"slow 0"}}'].toSorted());
      expect(served.asked).toHaveLength(1);
      expect(served.aborted).toEqual([]);

      const alone = new AbortController();
      const both = send(alone).catch(() => 'left');
      await new Promise((resolve) => setTimeout(resolve, 50));
      alone.abort();
      await both;
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(served.aborted).toEqual(['slow']);
    },
  );
});
