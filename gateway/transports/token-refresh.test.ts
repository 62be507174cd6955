import { afterEach, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { createClient } from 'graphql-ws';
import { request } from 'undici';
import { WebSocket } from 'ws';
import { read, soon, within } from '../fixtures/clients.ts';
import type { ClientName } from '../fixtures/clients.ts';
import { liveToken, startLive } from '../subscriptions/fixtures/live-graph.ts';
import type { LiveFixture } from '../subscriptions/fixtures/live-graph.ts';

const changes = 'subscription { jobChanged(id: "j") { id step cost } }';
const at = (step: number) => ({ id: 'j', step, text: null });

let live: LiveFixture;
const start = async (limits: Parameters<typeof startLive>[0] = {}): Promise<void> => {
  live = await startLive(limits);
};
afterEach(() => live.stop());

interface Message {
  readonly type: string;
  readonly payload?: Record<string, unknown>;
}

/** A bare WebSocket that remembers what it hears. */
async function talk(token: string) {
  const socket = new WebSocket(live.wsUrl, 'graphql-transport-ws');
  const heard: Message[] = [];
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      resolve({ code, reason: reason.toString() });
    });
  });
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Message));
  await new Promise((resolve) => socket.once('open', resolve));
  const say = (message: object): void => {
    socket.send(JSON.stringify(message));
  };
  say({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
  const hear = async (type: string): Promise<Message> => {
    await within(3_000, () => heard.some((message) => message.type === type));
    const [message] = heard.splice(
      heard.findIndex((one) => one.type === type),
      1,
    );
    if (message?.type !== type) throw new Error(`No ${type} was heard`);
    return message;
  };
  await hear('connection_ack');
  const close = (): void => {
    socket.close();
  };
  return { say, hear, closed, close };
}

const subscribe = { id: '1', type: 'subscribe', payload: { query: changes } };

describe('a token that ends soon', () => {
  it.each(['graphql-ws', 'graphql-sse', 'Apollo Client over multipart', 'urql'] as const)(
    'is told in a way that %s goes on with',
    async (client: ClientName) => {
      await start();
      const reading = read(live, client, changes, liveToken({ ms: 30_000 }));
      await live.reading(1);
      await new Promise((resolve) => setTimeout(resolve, 200));
      live.channel.push(at(1));
      expect(await within(2_000, () => reading.results.length === 1)).toBe(true);
      expect(reading.results[0]?.data).toMatchObject({ jobChanged: { step: 1, cost: 7 } });
      reading.leave();
    },
  );

  it('is told by a ping on a WebSocket, a minute before', async () => {
    await start();
    const { hear, close } = await talk(liveToken({ ms: 30_000 }));
    const { payload } = await hear('ping');
    expect(payload).toMatchObject({ type: 'token-expiring' });
    expect(Date.parse(String(payload?.['expiresAt'])) - Date.now()).toBeLessThan(30_001);
    close();
  });

  it('is told beside each result on HTTP, with the id to renew it for', async () => {
    await start();
    const reading = read(live, 'graphql-sse', changes, liveToken({ ms: 30_000 }));
    await live.reading(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    live.channel.push(at(1));
    expect(await within(2_000, () => reading.results.length === 1)).toBe(true);
    expect(reading.results[0]?.extensions).toEqual({
      tokenExpiresAt: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
      streamId: expect.stringMatching(/^[\w-]{36}$/) as unknown,
    });
    reading.leave();
  });
});

describe('a token that has ended', () => {
  it('closes a WebSocket so that graphql-ws comes back by itself with a new one', async () => {
    await start();
    const tokens = [liveToken({ ms: 400 }), liveToken()];
    const client = createClient({
      url: live.wsUrl,
      webSocketImpl: WebSocket,
      connectionParams: () => ({ authorization: `Bearer ${tokens.shift() ?? ''}` }),
      retryWait: () => Promise.resolve(),
    });
    const results: unknown[] = [];
    let failure: unknown;
    const leave = client.subscribe(
      { query: changes },
      {
        next: (result) => results.push(result),
        error: (error) => (failure = error),
        complete: () => undefined,
      },
    );
    await live.reading(1);
    expect(await within(3_000, () => tokens.length === 0 && live.channel.opened === 2)).toBe(true);
    live.channel.push(at(1));
    expect(await within(2_000, () => results.length === 1)).toBe(true);
    expect(failure).toBeUndefined();
    leave();
    await client.dispose();
  });

  it('ends one reader of a shared stream, and the others go on', async () => {
    await start();
    const short = read(live, 'graphql-sse', changes, liveToken({ ms: 400 }));
    const long = read(live, 'graphql-sse', changes, liveToken());
    await live.reading(2);
    await soon(short.ended);
    expect(JSON.stringify(short.results)).toMatch(/UNAUTHENTICATED.*"retryable":true/);
    live.channel.push(at(1));
    expect(await within(2_000, () => long.results.length === 1)).toBe(true);
    expect(live.channel.opened).toBe(1);
  });
});

describe('a new token on a WebSocket', () => {
  const refresh = (token: string) => ({ type: 'ping', payload: { authorization: token, n: 1 } });

  it('keeps the connection and its streams, and is told to subgraphs', async () => {
    await start();
    const socket = await talk(liveToken({ ms: 700 }));
    socket.say(subscribe);
    await live.reading(1);
    socket.say(refresh(`Bearer ${liveToken()}`));
    const { payload } = await socket.hear('pong');
    expect(payload).toEqual({ n: 1, type: 'token-refreshed', expiresAt: expect.any(String) });
    expect(JSON.stringify(payload)).not.toContain('Bearer');
    await new Promise((resolve) => setTimeout(resolve, 800));
    live.channel.push(at(1));
    expect((await socket.hear('next')).payload).toMatchObject({
      data: { jobChanged: { step: 1 } },
    });
    expect(live.channel.opened).toBe(1);
    const { headers } = live.calls.find(({ kind }) => kind === 'execute') ?? {};
    const { until } = decodeJwt(headers?.['x-forge-identity'] ?? '');
    expect(Number(until)).toBeGreaterThan(Date.now() + 3_000_000);
    socket.close();
  });

  it.each([
    ['another tenant', () => liveToken({ tenant: 'globex' }), 'FORBIDDEN'],
    ['another actor', () => liveToken({ id: 'bob' }), 'FORBIDDEN'],
    ['nobody', () => 'forged', 'UNAUTHENTICATED'],
  ])('of %s changes nothing: the old one still ends', async (_whose, token, code) => {
    await start();
    const socket = await talk(liveToken({ ms: 500 }));
    socket.say(subscribe);
    await live.reading(1);
    socket.say(refresh(token()));
    const { payload } = await socket.hear('pong');
    expect(payload).toMatchObject({ type: 'token-refused', errors: [{ extensions: { code } }] });
    expect(await soon(socket.closed)).toEqual({ code: 4403, reason: 'token expired' });
    expect(await within(1_000, () => live.channel.open === 0)).toBe(true);
  });

  it('with more rights goes on with the stream, which asks with them from then on', async () => {
    await start();
    const socket = await talk(liveToken({ scopes: ['a'] }));
    socket.say(subscribe);
    await live.reading(1);
    socket.say(refresh(liveToken({ scopes: ['a', 'b'] })));
    await socket.hear('pong');
    live.channel.push(at(1));
    await socket.hear('next');
    const { headers } = live.calls.find(({ kind }) => kind === 'execute') ?? {};
    expect(decodeJwt(headers?.['x-forge-identity'] ?? '')['scopes']).toEqual(['a', 'b']);
    expect(live.channel.opened).toBe(1);
    socket.close();
  });

  it('with fewer rights ends the stream, to be opened again if it still may', async () => {
    await start();
    const socket = await talk(liveToken({ scopes: ['a', 'b'] }));
    const other = read(live, 'graphql-sse', changes, liveToken({ scopes: ['a', 'b'] }));
    socket.say(subscribe);
    await live.reading(2);
    socket.say(refresh(liveToken({ scopes: ['a'] })));
    const { payload } = await socket.hear('error');
    expect(payload).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED', retryable: true } }]);
    live.channel.push(at(1));
    expect(await within(2_000, () => other.results.length === 1)).toBe(true);
    socket.close();
  });
});

describe('a new token for a stream over HTTP', () => {
  const open = async (token: string, accept = 'text/event-stream') => {
    const { body, headers } = await request(live.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: changes }),
    });
    let text = '';
    body.on('data', (chunk: Buffer) => (text += chunk.toString()));
    body.on('error', () => undefined);
    return { id: String(headers['x-stream-id']), text: () => text, leave: () => body.destroy() };
  };
  const renew = async (id: string, token: string): Promise<number> => {
    const { status } = await fetch(`${live.url}/streams/${id}/token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    return status;
  };

  it.each(['text/event-stream', 'multipart/mixed;subscriptionSpec=1.0'])(
    'keeps it open beyond the end of the old one (%s)',
    async (accept) => {
      await start();
      const stream = await open(liveToken({ ms: 700 }), accept);
      await live.reading(1);
      expect(await renew(stream.id, liveToken())).toBe(204);
      await new Promise((resolve) => setTimeout(resolve, 800));
      live.channel.push(at(1));
      expect(await within(2_000, () => stream.text().includes('"step":1'))).toBe(true);
      expect(stream.text()).not.toContain('UNAUTHENTICATED');
      stream.leave();
    },
  );

  it('is taken from its own caller alone; any other finds no such stream', async () => {
    await start();
    const stream = await open(liveToken({ ms: 1_500 }));
    await live.reading(1);
    expect(await renew(stream.id, liveToken({ tenant: 'globex' }))).toBe(404);
    expect(await renew(stream.id, liveToken({ id: 'bob' }))).toBe(404);
    expect(await renew(stream.id, 'forged')).toBe(401);
    expect(await renew('00000000-0000-4000-8000-000000000000', liveToken())).toBe(404);
    expect(await within(3_000, () => stream.text().includes('token expired'))).toBe(true);
    expect(stream.text()).toContain('"retryable":true');
    expect(await within(1_000, () => live.channel.open === 0)).toBe(true);
  });
});
