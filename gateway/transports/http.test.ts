import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, soon } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';

let fixture: RunningFixture;
beforeAll(async () => {
  fixture = await startFixture('in-process', { limits: { bodyBytesMax: 20_000 } });
});
afterAll(() => fixture.stop());

const graphql = 'application/graphql-response+json';
const json = 'application/json';

function get(search: Record<string, string>, headers: Record<string, string> = {}) {
  return fetch(`${fixture.url}?${new URLSearchParams(search).toString()}`, {
    headers: { authorization: 'Bearer alice', 'apollo-require-preflight': '1', ...headers },
  });
}

describe('GraphQL over HTTP: what every server must do', () => {
  it.each([
    [json, json],
    [graphql, graphql],
    ['*/*', json],
    [`${graphql}, ${json};q=0.9`, graphql],
    [`${json}, ${graphql};q=0.5`, json],
    ['text/html;q=0.5, */*;q=0.1', json],
  ])('answers accept "%s" with %s in utf-8', async (accept, type) => {
    const { status, headers, body } = await post(fixture, { query: '{ __typename }' }, { accept });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(
      new RegExp(`^${type.replace('+', '\\+')}; *charset=utf-8$`),
    );
    expect(body).toEqual({ data: { __typename: 'Query' } });
  });

  it('reads utf-8, said or not', async () => {
    for (const type of [json, `${json}; charset=utf-8`, 'Application/JSON;charset=UTF-8']) {
      const body = { query: 'mutation { renameJob(id: "ü", title: "日本 €") { id title } }' };
      const answered = await post(fixture, body, { 'content-type': type });
      expect(answered.body).toEqual({ data: { renameJob: { id: 'ü', title: '日本 €' } } });
    }
  });

  it.each([
    { query: 'query Q { __typename }', operationName: 'Q' },
    { query: '{ __typename }', operationName: null, variables: null, extensions: null },
    { query: 'query Q($id: ID!) { job(id: $id) { __typename } }', variables: { id: 'a' } },
    { query: '{ __typename }', extensions: { some: 'value' } },
  ])('accepts the parameters %j', async (body) => {
    for (const accept of [json, graphql]) {
      const answered = await post(fixture, body, { accept });
      expect(answered.status).toBe(200);
      expect(answered.body.errors).toBeUndefined();
    }
  });

  it.each([
    {},
    { query: 1 },
    { query: false },
    { query: ['a'] },
    { query: { kind: 'Document' } },
    { notquery: 'x' },
    { query: '{ __typename }', variables: 'x' },
    { query: '{ __typename }', variables: 7 },
    { query: '{ __typename }', variables: ['x'] },
    { query: '{ __typename }', operationName: 7 },
    { query: '{ __typename }', operationName: { a: 1 } },
    { query: '{ __typename }', extensions: 'x' },
    { query: '{ __typename }', extensions: [1] },
    [{ query: '{ __typename }' }],
    '{ "not json',
    '',
  ])('answers the malformed request %j with 400 and one public error', async (body) => {
    const answered = await post(fixture, body);
    expect(answered.status).toBe(400);
    expect(answered.body.errors).toHaveLength(1);
    expect(answered.body.errors?.[0]?.extensions).toMatchObject({
      requestId: answered.headers.get('x-request-id'),
      retryable: false,
    });
    expect(answered.text).not.toMatch(/stacktrace|node_modules/);
  });

  const refusedText = [
    ['cannot be parsed', { query: '{' }, 'GRAPHQL_PARSE_FAILED'],
    ['does not validate', { query: '{ nothing }' }, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'has wrong variables',
      { query: 'query ($id: ID!) { job(id: $id) { id } }' },
      'BAD_USER_INPUT',
    ],
  ] as const;

  it.each(refusedText)(
    'answers 200 in application/json to text that %s',
    async (_name, body, code) => {
      for (const accept of [json, '*/*']) {
        const answered = await post(fixture, body, { accept });
        expect(answered.status).toBe(200);
        expect(answered.body).not.toHaveProperty('data');
        expect(answered.body.errors).toMatchObject([{ extensions: { code } }]);
      }
    },
  );

  it.each(refusedText)(
    'answers 400 in graphql-response+json to text that %s',
    async (_name, body, code) => {
      const answered = await post(fixture, body, { accept: graphql });
      expect(answered.status).toBe(400);
      expect(answered.body).not.toHaveProperty('data');
      expect(answered.body.errors).toMatchObject([{ extensions: { code } }]);
    },
  );

  it('answers GET of a query, with encoded variables', async () => {
    const answered = await get({
      query: 'query ($id: ID!) { job(id: $id) { id } }',
      variables: '{"id":"a"}',
    });
    expect(answered.status).toBe(200);
    expect(await answered.json()).toEqual({ data: { job: { id: 'a' } } });
  });

  it('refuses a mutation by GET with 405 and runs nothing', async () => {
    fixture.state.title = 'kept';
    const query = 'mutation { renameJob(id: "a", title: "changed") { id } }';
    expect((await get({ query })).status).toBe(405);
    expect(await (await get({ query }, { accept: 'text/event-stream' })).text()).toContain('POST');
    expect(fixture.state.title).toBe('kept');
  });

  it('refuses what a browser can send from any page without asking first', async () => {
    const plain = await get({ query: '{ __typename }' }, { 'apollo-require-preflight': '' });
    expect(plain.status).toBe(400);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const answered = await post(fixture, '{"query":"{ __typename }"}', { 'content-type': type });
      expect(answered.status).toBe(400);
    }
  });

  it('refuses other methods with 405', async () => {
    const answered = await fetch(fixture.url, {
      method: 'PUT',
      headers: { authorization: 'Bearer alice', 'content-type': json },
      body: '{}',
    });
    expect(answered.status).toBe(405);
    expect(answered.headers.get('allow')).toContain('POST');
  });
});

describe('one address for every protocol', () => {
  const subscription = { query: 'subscription { jobEvents(jobId: "a", until: 1) { seq } }' };

  it.each([
    ['text/event-stream', 'text/event-stream'],
    ['multipart/mixed;subscriptionSpec=1.0, application/json', 'multipart/mixed'],
    ['multipart/mixed;boundary=graphql;subscriptionSpec="1.0",application/json', 'multipart/mixed'],
    ['text/event-stream, multipart/mixed', 'text/event-stream'],
    ['multipart/mixed;subscriptionSpec=1.0;q=0.5, text/event-stream;q=0.9', 'text/event-stream'],
  ])('streams a subscription for accept "%s" as %s', async (accept, type) => {
    const { status, headers } = await post(fixture, subscription, { accept });
    expect(status).toBe(200);
    expect(headers.get('content-type')?.startsWith(type)).toBe(true);
    expect(headers.get('cache-control')).toContain('no-store');
  });

  it.each([
    json,
    graphql,
    '*/*',
    'multipart/mixed',
    'text/html',
    'multipart/mixed;subscriptionSpec=2.0',
  ])(
    'answers a subscription for accept "%s" with 406 and what to accept instead',
    async (accept) => {
      const { status, text } = await post(fixture, subscription, { accept });
      expect(status).toBe(406);
      expect(text).toContain('text/event-stream');
    },
  );

  it('answers a query for a type that is not served with 406', async () => {
    for (const accept of ['text/html', 'application/xml', 'image/*', `${json};q=0`]) {
      expect((await post(fixture, { query: '{ __typename }' }, { accept })).status).toBe(406);
    }
  });

  it('answers a query as JSON for clients that accept streams too', async () => {
    for (const accept of [
      `${graphql}, ${json}, text/event-stream, multipart/mixed`,
      'multipart/mixed;subscriptionSpec=1.0, application/json',
    ]) {
      const { headers } = await post(fixture, { query: '{ __typename }' }, { accept });
      expect(headers.get('content-type')).toMatch(/json/);
    }
  });

  it('sends the head of a stream at once, before any event', async () => {
    const controller = new AbortController();
    const response = await soon(
      fetch(fixture.url, {
        method: 'POST',
        headers: {
          accept: 'text/event-stream',
          'content-type': json,
          authorization: 'Bearer alice',
        },
        body: JSON.stringify({ query: 'subscription { quiet { seq } }' }),
        signal: controller.signal,
      }),
      1_000,
    );
    expect(response.status).toBe(200);
    controller.abort();
  });
});

describe('the door', () => {
  it('refuses a body beyond the limit with 413, however it is announced', async () => {
    const large = JSON.stringify({ query: `{ __typename } #${'x'.repeat(30_000)}` });
    const answered = await post(fixture, large);
    expect(answered.status).toBe(413);
    expect(answered.body.errors?.[0]?.extensions?.['code']).toBe('LIMIT_EXCEEDED');
    const chunked = await fetch(fixture.url, {
      method: 'POST',
      headers: { 'content-type': json, authorization: 'Bearer alice' },
      body: new Blob([large]).stream(),
      duplex: 'half',
    });
    expect(chunked.status).toBe(413);
  });

  it('answers other addresses with 404 in the same shape', async () => {
    const response = await fetch(new URL('/nowhere', fixture.url));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'NOT_FOUND' } }],
    });
  });

  it('lets pages of other origins ask, without credentials', async () => {
    const preflight = await fetch(fixture.url, {
      method: 'OPTIONS',
      headers: { origin: 'https://partner.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('keeps persisted queries: unknown first, then by hash alone', async () => {
    const query = '{ job(id: "persisted") { id } }';
    const { createHash } = await import('node:crypto');
    const sha256Hash = createHash('sha256').update(query).digest('hex');
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    const unknown = await post(fixture, { extensions });
    expect(unknown.body.errors?.[0]?.extensions?.['code']).toBe('PERSISTED_QUERY_NOT_FOUND');
    await post(fixture, { query, extensions });
    expect((await post(fixture, { extensions })).body).toEqual({
      data: { job: { id: 'persisted' } },
    });
  });
});
