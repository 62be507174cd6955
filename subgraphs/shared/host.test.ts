import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { signIdentity } from './auth.ts';
import type { Identity } from './auth.ts';
import type { Database } from './db.ts';
import { notes } from './fixtures/notes.ts';
import type { NotesDeps } from './fixtures/notes.ts';
import { mountSubgraph, subgraphSdl } from './host.ts';
import type { Subgraph } from './host.ts';
import { createLog } from './log.ts';
import type { Tracing } from './telemetry.ts';

const identityKeys = { identity: new Uint8Array(32).fill(5) };
const alice: Identity = {
  tenant: 'acme',
  actor: { type: 'user', id: 'alice' },
  scopes: ['role:operator'],
  expiresAt: new Date('2030-01-01T00:00:00.000Z'),
};
const query = '{ whoami }';
const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url');
const use = { audience: 'notes', operationHash: hashOf(query) };

function mount(deps: Partial<NotesDeps> = {}, tracing?: Tracing) {
  const lines: string[] = [];
  return mountSubgraph(notes(deps) as Subgraph, {
    db: { name: 'notes', wakeups: {} } as Database,
    identityKeys,
    cursorKey: new Uint8Array(32),
    clock: { now: () => new Date(0) },
    log: createLog({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    ...(tracing && { tracing }),
  }).then((endpoint) => ({ ...endpoint, lines }));
}

const signal = new AbortController().signal;
const plain = (result: ExecutionResult | undefined) =>
  JSON.parse(JSON.stringify(result)) as Record<string, unknown>;

let endpoint: Awaited<ReturnType<typeof mount>>;
beforeAll(async () => {
  endpoint = await mount();
});

describe('a mounted subgraph', () => {
  it('answers whom the gateway vouches for, and believes nothing else about who asks', async () => {
    const headers = {
      'x-forge-identity': await signIdentity(identityKeys, alice, use),
      'x-request-id': 'r1',
      'x-tenant': 'globex',
      authorization: 'Bearer other',
    };
    const result = await endpoint.execute(
      { query, variables: { tenant: 'globex' } },
      headers,
      signal,
    );
    expect(plain(result)).toEqual({
      data: { whoami: { tenant: 'acme', actor: alice.actor, requestId: 'r1' } },
    });
  });

  it('answers a request without an id as well', async () => {
    const headers = { 'x-forge-identity': await signIdentity(identityKeys, alice, use) };
    const result = await endpoint.execute({ query }, headers, signal);
    expect(plain(result)).toMatchObject({ data: { whoami: { requestId: 'unknown' } } });
  });

  it('shows the part of the graph that is composed', async () => {
    expect(endpoint.sdl).toBe(await subgraphSdl(notes()));
    expect(endpoint.name).toBe('notes');
  });

  it.each<[string, () => Promise<Record<string, string>> | Record<string, string>]>([
    ['no identity', () => ({ authorization: 'Bearer x', 'x-request-id': 'r1' })],
    ['an empty identity', () => ({ 'x-forge-identity': '' })],
    [
      'an identity signed with another key',
      async () => ({
        'x-forge-identity': await signIdentity({ identity: new Uint8Array(32) }, alice, use),
      }),
    ],
    [
      'an identity for another subgraph',
      async () => ({
        'x-forge-identity': await signIdentity(identityKeys, alice, {
          ...use,
          audience: 'billing',
        }),
      }),
    ],
    [
      'an identity for another operation',
      async () => ({
        'x-forge-identity': await signIdentity(identityKeys, alice, {
          ...use,
          operationHash: hashOf('{ price { currency } }'),
        }),
      }),
    ],
  ])('refuses %s as UNAUTHENTICATED, and does nothing', async (_name, headersOf) => {
    const follow = jest.fn<NotesDeps['follow']>();
    const outcome = jest.fn();
    const { execute, subscribe } = await mount({ follow, outcome });
    const headers = await headersOf();
    const refused = { errors: [{ extensions: { code: 'UNAUTHENTICATED', retryable: false } }] };
    expect(plain(await execute({ query }, headers, signal))).toMatchObject(refused);
    const events = [];
    for await (const event of await subscribe({ query }, headers, signal)) events.push(event);
    expect(events.map(plain)).toMatchObject([refused]);
    expect(follow).not.toHaveBeenCalled();
    expect(outcome).not.toHaveBeenCalled();
  });

  it('streams to whom the gateway vouches for, each event on their behalf', async () => {
    const asked: string[] = [];
    const { subscribe } = await mount({
      follow: async function* (ctx, id) {
        asked.push(`${ctx.tenant}/${ctx.actor.id}/${id}`);
        yield { id };
        yield { id };
      },
    });
    const text = 'subscription { noteChanged(id: "a") { id } }';
    const signed = await signIdentity(identityKeys, alice, { ...use, operationHash: hashOf(text) });
    const events = [];
    const headers = { 'x-forge-identity': signed };
    for await (const event of await subscribe({ query: text }, headers, signal)) {
      events.push(plain(event));
    }
    expect(events).toEqual(Array(2).fill({ data: { noteChanged: { id: 'a' } } }));
    expect(asked).toEqual(['acme/alice/a']);
  });

  it('tells its resolvers when nobody waits any more', async () => {
    const leaving = new AbortController();
    const seen: boolean[] = [];
    const { subscribe } = await mount({
      follow: async function* (ctx) {
        seen.push(ctx.signal.aborted);
        leaving.abort();
        seen.push(ctx.signal.aborted);
        yield { id: 'a' };
      },
    });
    const text = 'subscription { noteChanged(id: "a") { id } }';
    const signed = await signIdentity(identityKeys, alice, { ...use, operationHash: hashOf(text) });
    const headers = { 'x-forge-identity': signed };
    const events = await subscribe({ query: text }, headers, leaving.signal);
    await events[Symbol.asyncIterator]().next();
    expect(seen).toEqual([false, true]);
  });

  it('names itself in the log', async () => {
    const { execute, lines } = await mount({
      outcome: () => {
        throw new Error('broken');
      },
    });
    const text = '{ told }';
    const signed = await signIdentity(identityKeys, alice, { ...use, operationHash: hashOf(text) });
    await execute({ query: text }, { 'x-forge-identity': signed, 'x-request-id': 'r9' }, signal);
    expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({ subgraph: 'notes', requestId: 'r9' });
  });

  it('is a span of the gateway’s trace', async () => {
    const spans: string[] = [];
    const tracing: Tracing = {
      span: (name, traceparent, _attributes, work) => {
        spans.push(`${name} ${traceparent}`);
        return work(traceparent);
      },
      done: () => undefined,
      samples: () => true,
      stop: async () => undefined,
    };
    const { execute } = await mount({}, tracing);
    const signed = { 'x-forge-identity': await signIdentity(identityKeys, alice, use) };
    await execute({ query }, { ...signed, traceparent: '00-1-2-01' }, signal);
    await execute({ query }, signed, signal);
    expect(spans).toEqual(['resolve notes 00-1-2-01', 'resolve notes ']);
  });

  it('does not take a failure of its own for a refusal', async () => {
    const failing: Tracing = {
      span: () => Promise.reject(new Error('out of memory')),
      done: () => undefined,
      samples: () => true,
      stop: async () => undefined,
    };
    const { execute } = await mount({}, failing);
    const headers = { 'x-forge-identity': await signIdentity(identityKeys, alice, use) };
    await expect(execute({ query }, headers, signal)).rejects.toThrow('out of memory');
  });
});
