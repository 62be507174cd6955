import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';

/** What a client sees, without what differs from one request to the next. */
interface Seen {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly text: string;
}

/** A POST is answered directly, and a GET by Apollo Server. */
describe('an answer without Apollo Server', () => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture('in-process', { tellCost: true });
  });
  afterAll(() => fixture.stop());

  const seen = async (
    method: 'GET' | 'POST',
    members: Record<string, unknown>,
    headers: Record<string, string> = {},
  ): Promise<Seen> => {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(members)) {
      search.set(name, typeof value === 'string' ? value : JSON.stringify(value));
    }
    const isGet = method === 'GET';
    const response = await request(isGet ? `${fixture.url}?${search.toString()}` : fixture.url, {
      method,
      headers: {
        authorization: 'Bearer alice',
        'x-request-id': 'the-request',
        ...(isGet ? { 'apollo-require-preflight': '1' } : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(isGet ? {} : { body: JSON.stringify(members) }),
    });
    const { date: _date, ...kept } = response.headers;
    return { status: response.statusCode, headers: kept, text: await response.body.text() };
  };

  const job = '{ job(id: "ab") { id title cost notes } }';
  it.each([
    ['a query', { query: job }],
    [
      'aliases, fragments and lists',
      { query: '{ a: jobs(first: 3) { ...F } } fragment F on Job { x: id cost }' },
    ],
    ['variables', { query: 'query Q($id: ID!) { job(id: $id) { id } }', variables: { id: 'x' } }],
    [
      'one of several operations',
      { query: 'query A { jobs { id } } query B { job(id: "b") { id } }', operationName: 'B' },
    ],
    [
      'conditions',
      {
        query: 'query ($c: Boolean!) { job(id: "a") { id cost @include(if: $c) } }',
        variables: { c: false },
      },
    ],
    ['introspection', { query: '{ __schema { queryType { name } } job(id: "a") { __typename } }' }],
    ['an error at a field', { query: '{ broken job(id: "a") { id } }' }],
    ['a refusal of a subgraph', { query: '{ refused }' }],
    ['a non-null field that fails', { query: '{ job(id: "a") { id mustHave } }' }],
    ['text outside ASCII', { query: '{ job(id: "ü 好 \u{1F600}") { id } }' }],
    ['a text that does not parse', { query: '{ job(' }],
    ['a text that is not valid', { query: '{ nothing }' }],
    ['a variable that is missing', { query: 'query ($id: ID!) { job(id: $id) { id } }' }],
    [
      'a variable of another kind',
      { query: 'query ($n: Int!) { jobs(first: $n) { id } }', variables: { n: 'x' } },
    ],
    ['an operation that is not there', { query: '{ jobs { id } }', operationName: 'Nope' }],
    ['too much at once', { query: `{ ${'a: __typename '.repeat(300)} }` }],
    ['a subscription', { query: 'subscription { quiet { seq } }' }],
  ])('is that of Apollo Server for %s', async (_what, members) => {
    for (const accept of ['application/json', 'application/graphql-response+json', '*/*']) {
      const direct = await seen('POST', members, { accept });
      expect(direct).toEqual(await seen('GET', members, { accept }));
    }
  });

  it.each([
    [{ query: job, variables: 'x' }],
    [{ query: job, operationName: 7 }],
    [{ query: job, extensions: [] }],
    [{ query: 7 }],
    [{}],
  ])('is refused for members that are not what they have to be: %j', async (members) => {
    expect((await seen('POST', members)).status).toBe(400);
  });

  it('runs a mutation once', async () => {
    const before = fixture.state.requests.length;
    const query = 'mutation { renameJob(id: "a", title: "next") { title } }';
    expect(JSON.parse((await seen('POST', { query })).text)).toMatchObject({
      data: { renameJob: { title: 'next' } },
    });
    expect(fixture.state.requests.slice(before)).toHaveLength(1);
  });
});
