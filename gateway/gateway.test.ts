import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { post, soon } from './fixtures/clients.ts';
import { startFixture } from './fixtures/gateway.ts';
import type { RunningFixture } from './fixtures/gateway.ts';
import { theSecret } from './fixtures/subgraphs.ts';

describe.each(['in-process', 'http'] as const)('a gateway with %s subgraphs', (mode) => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture(mode, { limits: { requestTimeoutMs: 700 } });
  });
  afterAll(() => fixture.stop());

  it('joins fields of several subgraphs, required fields included', async () => {
    const { status, body } = await post(fixture, {
      query: 'query Q($id: ID!) { job(id: $id) { id title cost notes } }',
      variables: { id: 'abc' },
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      data: { job: { id: 'abc', title: 'first', cost: 300, notes: ['note of abc'] } },
    });
  });

  it('asks for all entities of a list in one batch', async () => {
    fixture.state.requests.length = 0;
    const { body } = await post(fixture, { query: '{ jobs(first: 5) { id cost } }' });
    expect(body.data?.['jobs']).toHaveLength(5);
    expect(fixture.state.requests.map(({ subgraph }) => subgraph)).toEqual(['jobs', 'costs']);
  });

  it('runs mutations and completes their answer from other subgraphs', async () => {
    const query = 'mutation { renameJob(id: "abc", title: "second") { title cost } }';
    const { body } = await post(fixture, { query });
    expect(body).toEqual({ data: { renameJob: { title: 'second', cost: 300 } } });
  });

  it('tells every subgraph the request id and the trace, and how long it may take', async () => {
    fixture.state.requests.length = 0;
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { headers } = await post(
      fixture,
      { query: '{ job(id: "abc") { cost } }' },
      { 'x-request-id': 'request-12345', traceparent },
    );
    expect(headers.get('x-request-id')).toBe('request-12345');
    expect(fixture.state.requests).toHaveLength(2);
    for (const { headers: sent } of fixture.state.requests) {
      expect(sent).toMatchObject({ 'x-request-id': 'request-12345', traceparent });
      expect(Number(sent['x-forge-timeout-ms'])).toBeGreaterThan(0);
      expect(Number(sent['x-forge-timeout-ms'])).toBeLessThanOrEqual(700);
    }
  });

  it('never shows what a subgraph says about its inside, and logs it', async () => {
    const { text, body, headers } = await post(fixture, { query: '{ broken refused }' });
    expect(text).not.toContain('hunter2');
    expect(text).not.toMatch(/stack|serviceName|internal":/i);
    expect(body.data).toEqual({ broken: null, refused: null });
    const requestId = headers.get('x-request-id');
    const [broken, refused] = body.errors ?? [];
    expect(broken).toMatchObject({
      path: ['broken'],
      extensions: { code: 'INTERNAL', requestId, retryable: false },
    });
    expect(refused).toMatchObject({
      message: 'Job not found.',
      path: ['refused'],
      extensions: { code: 'NOT_FOUND', requestId, retryable: false },
    });
    const line = fixture.logged.find((logged) => logged.includes(theSecret));
    expect(line).toContain(requestId ?? 'a request id');
  });

  it('keeps the answer when a non-null field of another subgraph fails: its parent is null', async () => {
    const { body, text } = await post(fixture, { query: '{ job(id: "abc") { id mustHave } }' });
    expect(body.data).toEqual({ job: null });
    expect(body.errors).toMatchObject([
      { path: ['job', 'mustHave'], extensions: { code: 'INTERNAL' } },
    ]);
    expect(text).not.toContain('hunter2');
  });

  it('answers what it has when a subgraph is down, with an error at each missing field', async () => {
    fixture.state.down.add('costs');
    const { status, body } = await post(fixture, { query: '{ jobs(first: 2) { id cost notes } }' });
    fixture.state.down.delete('costs');
    expect(status).toBe(200);
    expect(body.data).toEqual({
      jobs: [
        { id: 'j', cost: null, notes: ['note of j'] },
        { id: 'jj', cost: null, notes: ['note of jj'] },
      ],
    });
    const error = { extensions: { code: 'SUBGRAPH_UNAVAILABLE', retryable: true } };
    expect(body.errors).toMatchObject([
      { ...error, path: ['jobs', 0, 'cost'] },
      { ...error, path: ['jobs', 1, 'cost'] },
    ]);
  });

  it('answers within the deadline when a subgraph does not', async () => {
    const started = Date.now();
    const { body } = await post(fixture, { query: '{ slow(ms: 3000) job(id: "abc") { id } }' });
    expect(Date.now() - started).toBeLessThan(2_000);
    expect(body.errors?.[0]).toMatchObject({
      extensions: { code: 'DEADLINE_EXCEEDED', retryable: true },
    });
  });

  it('refuses @defer by name, and ignores no part of an operation', async () => {
    const { status, body } = await post(fixture, {
      query: '{ job(id: "abc") { id ... @defer { cost } } }',
    });
    expect(status).toBe(200);
    expect(body).not.toHaveProperty('data');
    expect(body.errors).toMatchObject([
      {
        message: expect.stringContaining('@defer') as unknown,
        extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
      },
    ]);
  });

  it('answers introspection outside production', async () => {
    const { body } = await post(fixture, {
      query: '{ __schema { queryType { name } } __typename }',
    });
    expect(body.data).toEqual({ __schema: { queryType: { name: 'Query' } }, __typename: 'Query' });
  });
});

describe('a subgraph over HTTP whose connection fails', () => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture('http');
  });
  afterAll(() => fixture.stop());

  it('is asked again for a query, so that a moment of absence is not seen', async () => {
    fixture.state.down.add('jobs');
    const answered = post(fixture, { query: '{ job(id: "abc") { id } }' });
    setTimeout(() => fixture.state.down.delete('jobs'), 30);
    expect((await answered).body).toEqual({ data: { job: { id: 'abc' } } });
  });

  it('is never asked twice for a mutation', async () => {
    const rename = (title: string) =>
      post(fixture, {
        query: 'mutation R($title: String!) { renameJob(id: "abc", title: $title) { id } }',
        variables: { title },
      });
    await rename('first');
    fixture.state.down.add('jobs');
    const answered = rename('x');
    setTimeout(() => fixture.state.down.delete('jobs'), 30);
    const { body } = await answered;
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'SUBGRAPH_UNAVAILABLE' });
    expect(fixture.state.title).toBe('first');
  });
});

describe('authentication', () => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture('in-process');
  });
  afterAll(() => fixture.stop());

  it.each([
    ['no token', { authorization: '' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['a forged token', { authorization: 'Bearer forged' }],
  ])('refuses %s with 401 and asks no subgraph', async (_name, headers) => {
    fixture.state.requests.length = 0;
    const {
      status,
      body,
      headers: answered,
    } = await post(fixture, { query: '{ broken }' }, headers);
    expect(status).toBe(401);
    expect(answered.get('www-authenticate')).toBe('Bearer');
    expect(body.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    expect(fixture.state.requests).toEqual([]);
  });
});

describe('without authentication', () => {
  it('answers everybody and tells subgraphs no identity', async () => {
    const fixture = await startFixture('in-process', { auth: false });
    const { body } = await post(
      fixture,
      { query: '{ job(id: "a") { id } }' },
      { authorization: '' },
    );
    expect(body).toEqual({ data: { job: { id: 'a' } } });
    expect(fixture.state.requests[0]?.headers).not.toHaveProperty('x-forge-identity');
    await fixture.stop();
  });
});

describe('production', () => {
  it('hides the schema: no introspection, no suggestions, no explorer of Apollo', async () => {
    const fixture = await startFixture('in-process', {
      config: { production: true, apollo: { key: undefined, graphRef: undefined } },
    });
    const introspection = await post(fixture, { query: '{ __schema { queryType { name } } }' });
    expect(introspection.body.errors?.[0]?.extensions?.['code']).toBe('GRAPHQL_VALIDATION_FAILED');
    const typo = await post(fixture, { query: '{ jobz { id } }' });
    expect(typo.text).not.toContain('Did you mean');
    await fixture.stop();
  });
});

describe('stop', () => {
  it('finishes requests that are under way, then refuses connections', async () => {
    const fixture = await startFixture('http');
    const slow = post(fixture, { query: '{ slow(ms: 300) }' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stopped = fixture.gateway.stop(5_000);
    expect(fixture.gateway.ready()).toBe(false);
    expect((await slow).body).toEqual({ data: { slow: 'late' } });
    await soon(stopped, 2_000);
    await expect(post(fixture, { query: '{ __typename }' })).rejects.toThrow();
    await fixture.stop();
  });

  it('closes at the deadline whatever is still under way', async () => {
    const fixture = await startFixture('in-process');
    const slow = post(fixture, { query: '{ slow(ms: 4000) }' }).catch(() => 'cut');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await soon(fixture.gateway.stop(200), 2_000);
    expect(await slow).toBe('cut');
    await fixture.stop();
  });
});
