import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { as, callerVerifier } from '../fixtures/callers.ts';
import { post, within } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';
import { defaultLimits } from '../limits/limits.ts';
import type { TextSource } from '../watched-file.ts';
import type { SafelistMode } from './persisted.ts';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const extension = (sha256Hash: string, version = 1) => ({
  extensions: { persistedQuery: { version, sha256Hash } },
});
const codeOf = (body: { readonly errors?: readonly { readonly extensions?: object }[] }) =>
  (body.errors?.[0]?.extensions as { readonly code?: string } | undefined)?.code;

/** The results of one operation over a transport that streams. */
async function stream(
  fixture: RunningFixture,
  accept: string,
  body: object,
): Promise<readonly Record<string, unknown>[]> {
  const response = await fetch(fixture.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer alice', accept },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return text
    .split('\n')
    .map((line) => line.replace(/^data: /, '').trim())
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map(({ payload, ...result }) => (payload ?? result) as Record<string, unknown>);
}

function overWebSocket(fixture: RunningFixture, payload: object): Promise<unknown> {
  const client = createClient({
    url: fixture.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: 'Bearer alice' },
    retryAttempts: 0,
  });
  let last: unknown;
  return new Promise((resolve) => {
    client.subscribe(
      { query: '', ...payload },
      {
        next: (result) => {
          last = result;
        },
        error: resolve,
        complete: () => {
          resolve(last);
        },
      },
    );
  }).finally(() => client.dispose());
}

describe('a text that a client registers by its hash', () => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture('in-process');
  });
  afterAll(() => fixture.stop());

  it('is asked for once, and answers by its hash from then on', async () => {
    const query = 'query A($id: ID!) { job(id: $id) { id } }';
    const byHash = { ...extension(hashOf(query)), variables: { id: 'a' } };
    const first = await post(fixture, byHash);
    expect(first.status).toBe(200);
    expect(first.body.errors).toMatchObject([
      { message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } },
    ]);
    expect(first.headers.get('cache-control')).toBe('no-store');
    expect((await post(fixture, { query, ...byHash })).body).toEqual({
      data: { job: { id: 'a' } },
    });
    const again = await post(fixture, { ...byHash, variables: { id: 'b' } });
    expect(again.body).toEqual({ data: { job: { id: 'b' } } });
  });

  it('answers over every transport', async () => {
    const query = '{ job(id: "t") { title } }';
    const byHash = extension(hashOf(query));
    await post(fixture, { query, ...byHash });
    const data = { job: { title: 'first' } };

    const search = new URLSearchParams({ extensions: JSON.stringify(byHash.extensions) });
    const headers = { authorization: 'Bearer alice', 'apollo-require-preflight': '1' };
    const got = await fetch(`${fixture.url}?${search.toString()}`, { headers });
    expect(await got.json()).toEqual({ data });
    for (const accept of ['text/event-stream', 'multipart/mixed;subscriptionSpec=1.0']) {
      expect(await stream(fixture, accept, byHash)).toContainEqual({ data });
    }
    expect(await overWebSocket(fixture, byHash)).toEqual({ data });
    const byDocumentId = { documentId: `sha256:${hashOf(query)}` };
    expect((await post(fixture, byDocumentId)).body).toEqual({ data });
  });

  it('may be a subscription, registered by one transport and opened by another', async () => {
    const query = 'subscription { jobEvents(jobId: "j", until: 2) { seq } }';
    const byHash = extension(hashOf(query));
    const refused = await overWebSocket(fixture, byHash);
    expect(refused).toMatchObject([{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }]);
    const events = [{ data: { jobEvents: { seq: 1 } } }, { data: { jobEvents: { seq: 2 } } }];
    expect(await stream(fixture, 'text/event-stream', { query, ...byHash })).toEqual(events);
    expect(await overWebSocket(fixture, byHash)).toEqual(events[1]);
  });

  it.each([
    ['a hash of another text', extension(hashOf('{ other }'))],
    ['another version', extension(hashOf('{ __typename }'), 2)],
    ['an extension of another form', { extensions: { persistedQuery: 'x' } }],
  ])('is refused with %s', async (_name, members) => {
    const { status, body } = await post(fixture, { query: '{ __typename }', ...members });
    expect(status).toBe(400);
    expect(codeOf(body)).toBe('BAD_REQUEST');
  });

  it('is not kept when it keeps no limit or cannot be parsed', async () => {
    const deep = `{ job(id: "a") ${'{ id '.repeat(30)}${'}'.repeat(30)} }`;
    for (const query of [deep, '{ job(']) {
      await post(fixture, { query, ...extension(hashOf(query)) });
      const { body } = await post(fixture, extension(hashOf(query)));
      expect(codeOf(body)).toBe('PERSISTED_QUERY_NOT_FOUND');
    }
  });
});

describe('texts that tenants register', () => {
  it('belong to their own tenant, and a flood of them counts as new documents', async () => {
    const tenant = { ...defaultLimits.tenant, newDocumentsPerSecond: 0.001, newDocumentsBurst: 5 };
    const fixture = await startFixture('in-process', {
      verifyToken: callerVerifier,
      limits: { tenant },
    });
    const query = '{ job(id: "x") { id } }';
    const byHash = extension(hashOf(query));
    await post(fixture, { query, ...byHash }, as('acme'));
    expect(codeOf((await post(fixture, byHash, as('globex'))).body)).toBe(
      'PERSISTED_QUERY_NOT_FOUND',
    );
    const flood = Array.from({ length: 8 }, (_, index) => `{ job(id: "${String(index)}") { id } }`);
    const codes = [];
    for (const text of flood) {
      codes.push(
        codeOf((await post(fixture, { query: text, ...extension(hashOf(text)) }, as('acme'))).body),
      );
    }
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(4);
    expect((await post(fixture, byHash, as('acme'))).body.data).toEqual({ job: { id: 'x' } });
    await fixture.stop();
  });
});

const listed = 'query Listed {\n  job(id: "l") {\n    id\n  }\n}';
const manifestOf = (...bodies: readonly (readonly [id: string, body: string])[]): string =>
  JSON.stringify({
    format: 'apollo-persisted-query-manifest',
    version: 1,
    operations: bodies.map(([id, body]) => ({ id, name: 'Listed', type: 'query', body })),
  });

/** A manifest that is replaced by calling `replace`. */
function manifest(text: string): TextSource & { replace(text: string): void } {
  let newer: (text: string) => void = () => undefined;
  return {
    start: (onNewer) => {
      newer = onNewer;
      return Promise.resolve(text);
    },
    stop: () => Promise.resolve(),
    replace: (next) => {
      newer(next);
    },
  };
}

describe('a list of operations', () => {
  let fixture: RunningFixture;
  const start = async (mode: SafelistMode, source = manifest(manifestOf(['one', listed]))) => {
    fixture = await startFixture('in-process', { persisted: { mode, manifest: source } });
    return source;
  };
  afterEach(() => fixture.stop());
  const data = { job: { id: 'l' } };
  const unlisted = '{ job(id: "u") { id } }';

  it.each(['off', 'log-only', 'safelist', 'ids-only'] as const)(
    'answers by id in mode %s',
    async (mode) => {
      await start(mode);
      expect((await post(fixture, extension('one'))).body).toEqual({ data });
      expect((await post(fixture, { documentId: 'one' })).body).toEqual({ data });
      expect(await overWebSocket(fixture, extension('one'))).toEqual({ data });
    },
  );

  it('refuses whatever is not on it, over every transport, and runs what differs in white space', async () => {
    await start('safelist');
    expect((await post(fixture, { query: listed })).body).toEqual({ data });
    expect(
      (await post(fixture, { query: 'query Listed { job(id:"l"){id} } # mine' })).body,
    ).toEqual({
      data,
    });
    fixture.state.requests.length = 0;
    const { status, body } = await post(fixture, { query: unlisted });
    expect([status, codeOf(body)]).toEqual([403, 'QUERY_NOT_IN_SAFELIST']);
    const refused = [{ extensions: { code: 'QUERY_NOT_IN_SAFELIST' } }];
    for (const accept of ['text/event-stream', 'multipart/mixed;subscriptionSpec=1.0']) {
      expect(await stream(fixture, accept, { query: unlisted })).toMatchObject([
        { errors: refused },
      ]);
    }
    expect(await overWebSocket(fixture, { query: unlisted })).toMatchObject(refused);
    const registering = await post(fixture, { query: unlisted, ...extension(hashOf(unlisted)) });
    expect(codeOf(registering.body)).toBe('QUERY_NOT_IN_SAFELIST');
    const byId = await post(fixture, extension(hashOf(unlisted)));
    expect([byId.status, codeOf(byId.body)]).toEqual([404, 'PERSISTED_QUERY_NOT_IN_LIST']);
    expect(fixture.state.requests).toEqual([]);
  });

  it('refuses every text where ids are asked for, its own too', async () => {
    await start('ids-only');
    const text = await post(fixture, { query: listed });
    expect([text.status, codeOf(text.body)]).toEqual([403, 'PERSISTED_QUERY_ID_REQUIRED']);
    const both = await post(fixture, { query: listed, ...extension('one') });
    expect([both.status, codeOf(both.body)]).toEqual([400, 'CANNOT_SEND_PQ_ID_AND_BODY']);
  });

  it('tells of the others and runs them while it is tried out', async () => {
    await start('log-only');
    for (const query of [unlisted, unlisted, listed]) await post(fixture, { query });
    const told = fixture.logged.filter((line) => line.includes('not on the list'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(hashOf(unlisted));
  });

  it('is replaced as a whole, and stays when the newer one cannot be used', async () => {
    const source = await start('safelist');
    source.replace(manifestOf(['two', unlisted]));
    expect(
      await within(2_000, () => fixture.logged.some((line) => line.includes('"operations":1'))),
    ).toBe(true);
    expect((await post(fixture, { query: unlisted })).body.data).toEqual({ job: { id: 'u' } });
    expect(codeOf((await post(fixture, { query: listed })).body)).toBe('QUERY_NOT_IN_SAFELIST');
    source.replace('{"format":"other"}');
    expect(
      await within(2_000, () => fixture.logged.some((line) => line.includes('was refused'))),
    ).toBe(true);
    expect((await post(fixture, extension('two'))).body.data).toEqual({ job: { id: 'u' } });
  });

  it('keeps out who sends an id with the text of another operation', async () => {
    await start('safelist');
    const { status } = await post(fixture, { query: unlisted, ...extension('one') });
    expect(status).toBe(400);
  });

  it('costs nobody the count of new documents', async () => {
    const bodies = Array.from(
      { length: 6 },
      (_, index) => [`id${String(index)}`, `{ job(id: "l") { n${String(index)}: id } }`] as const,
    );
    const tenant = { ...defaultLimits.tenant, newDocumentsPerSecond: 0.001, newDocumentsBurst: 1 };
    fixture = await startFixture('in-process', {
      persisted: { mode: 'off', manifest: manifest(manifestOf(...bodies)) },
      limits: { tenant },
      warmUpMs: 0,
    });
    for (const [id] of bodies) {
      expect((await post(fixture, extension(id))).body.errors).toBeUndefined();
    }
  });
});

describe('a list that cannot be used', () => {
  it.each([
    ['no JSON', '{', 'JSON'],
    ['another format', '{"format":"x","version":1,"operations":[]}', 'format'],
    [
      'an operation without a body',
      '{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"a"}]}',
      'operations.0.body',
    ],
    ['two bodies for one id', manifestOf(['a', '{ a }'], ['a', '{ b }']), 'two operations'],
    ['a body that is no GraphQL', manifestOf(['a', '{ "']), '"a"'],
  ])('stops the start and says why: %s', async (_name, text, reason) => {
    const starting = startFixture('in-process', {
      persisted: { mode: 'safelist', manifest: manifest(text) },
    });
    await expect(starting).rejects.toThrow(reason);
  });
});
