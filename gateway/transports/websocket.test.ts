import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { read, settled, soon, within } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';

describe('graphql-transport-ws', () => {
  let fixture: RunningFixture;
  beforeAll(async () => {
    fixture = await startFixture('in-process', {
      limits: { heartbeatMs: 150, pongTimeoutMs: 600, subscriptionsPerConnectionMax: 3 },
    });
  });
  afterAll(() => fixture.stop());

  it('takes the token from connection_init, with or without "Bearer", or from the upgrade', async () => {
    for (const [payload, headers] of [
      [{ authorization: 'Bearer alice' }, {}],
      [{ Authorization: 'alice' }, {}],
      [undefined, { authorization: 'Bearer alice' }],
    ] as const) {
      const socket = new Talk(fixture, { headers });
      socket.say({ type: 'connection_init', ...(payload ? { payload } : {}) });
      expect(await socket.hear()).toEqual({ type: 'connection_ack' });
      socket.close();
    }
  });

  it.each([
    ['4401 without a token', { type: 'connection_init' }, 4401],
    [
      '4403 for a forged token',
      { type: 'connection_init', payload: { authorization: 'forged' } },
      4403,
    ],
    ['4400 for what is no message', { type: 'nonsense' }, 4400],
    ['4401 for an operation before the first message', subscribe('1', '{ __typename }'), 4401],
  ])('closes with %s', async (_name, message, code) => {
    const socket = new Talk(fixture);
    socket.say(message);
    expect((await socket.closed()).code).toBe(code);
  });

  it('closes with 4429 when a client introduces itself twice', async () => {
    const socket = await greeted(fixture);
    socket.say({ type: 'connection_init', payload: { authorization: 'alice' } });
    expect((await socket.closed()).code).toBe(4429);
  });

  it('closes with 4409 when an id is in use', async () => {
    const socket = await greeted(fixture);
    socket.say(subscribe('1', 'subscription { quiet { seq } }'));
    socket.say(subscribe('1', 'subscription { quiet { seq } }'));
    expect((await socket.closed()).code).toBe(4409);
  });

  it('closes with 4406 for another protocol', async () => {
    const socket = new Talk(fixture, { protocol: 'graphql-ws' });
    expect((await socket.closed()).code).not.toBe(1000);
  });

  it('closes with 4403 "token expired" when the token ends', async () => {
    const socket = await greeted(fixture, 'alice.300');
    socket.say(subscribe('1', 'subscription { quiet { seq } }'));
    expect(await socket.closed()).toEqual({ code: 4403, reason: 'token expired' });
    expect(await within(1_000, () => !fixture.state.openStreams.has('quiet'))).toBe(true);
  });

  it('answers a ping, and drops a client that answers none', async () => {
    const socket = await greeted(fixture);
    socket.say({ type: 'ping', payload: { n: 1 } });
    expect(await socket.hear()).toEqual({ type: 'pong', payload: { n: 1 } });
    const silent = await greeted(fixture, 'alice', { autoPong: false });
    expect((await silent.closed(3_000)).code).toBe(1006);
    socket.close();
  });

  it('runs queries and mutations, and answers refused text with an error message', async () => {
    const socket = await greeted(fixture);
    socket.say(subscribe('q', '{ job(id: "abc") { cost } }'));
    expect(await socket.hear()).toEqual({
      id: 'q',
      type: 'next',
      payload: { data: { job: { cost: 300 } } },
    });
    expect(await socket.hear()).toEqual({ id: 'q', type: 'complete' });
    for (const [query, code] of [
      ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      ['{', 'GRAPHQL_PARSE_FAILED'],
      ['subscription { quiet { seq } jobUpdated(id: "a") { id } }', 'GRAPHQL_VALIDATION_FAILED'],
      ['subscription ($id: ID!) { jobUpdated(id: $id) { id } }', 'BAD_USER_INPUT'],
    ] as const) {
      socket.say(subscribe('e', query));
      expect(await socket.hear()).toMatchObject({
        id: 'e',
        type: 'error',
        payload: [{ extensions: { code } }],
      });
    }
    socket.close();
  });

  it('tells a source that breaks as an error without internals', async () => {
    const socket = await greeted(fixture);
    socket.say(subscribe('f', 'subscription { fails(at: 2) { seq } }'));
    expect(await socket.hear()).toMatchObject({
      type: 'next',
      payload: { data: { fails: { seq: 1 } } },
    });
    const failure = await socket.hear();
    expect(failure).toMatchObject({
      type: 'error',
      payload: [{ extensions: { retryable: true } }],
    });
    expect(JSON.stringify(failure)).not.toContain('hunter2');
    socket.close();
  });

  it('closes the source when one operation is left and the connection stays', async () => {
    const socket = await greeted(fixture);
    socket.say(subscribe('1', 'subscription { quiet { seq } }'));
    expect(await within(2_000, () => fixture.state.openStreams.has('quiet'))).toBe(true);
    socket.say({ id: '1', type: 'complete' });
    expect(await within(1_000, () => !fixture.state.openStreams.has('quiet'))).toBe(true);
    socket.say(subscribe('2', '{ __typename }'));
    expect(await socket.hear()).toMatchObject({ id: '2', type: 'next' });
    socket.close();
  });

  it('carries a limited number of operations per connection', async () => {
    const socket = await greeted(fixture);
    for (const id of ['1', '2', '3', '4'])
      socket.say(subscribe(id, 'subscription { quiet { seq } }'));
    expect(await socket.hear()).toMatchObject({
      id: '4',
      type: 'error',
      payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }],
    });
    socket.close();
  });

  it('stops reading the source while a client does not read', async () => {
    const socket = await greeted(fixture, 'alice', { autoPong: true });
    fixture.state.produced = 0;
    socket.say(subscribe('1', 'subscription { endless(bytes: 20000) { seq text } }'));
    await socket.hear();
    socket.pause();
    const held = await settled(() => fixture.state.produced, 700);
    expect(held).toBeLessThan(3_000);
    socket.resume();
    expect(await within(10_000, () => fixture.state.produced > held + 50)).toBe(true);
    socket.terminate();
    expect(await within(1_000, () => !fixture.state.openStreams.has('endless'))).toBe(true);
  }, 30_000);

  it('refuses upgrades of other addresses', async () => {
    const socket = new WebSocket(fixture.wsUrl.replace('/graphql', '/other'));
    const refused = new Promise((resolve) => socket.once('error', resolve));
    expect(String(await soon(refused))).toContain('404');
  });
});

describe('a gateway that stops', () => {
  it('closes sockets with 1012 and a time to come back', async () => {
    const fixture = await startFixture('in-process');
    const socket = await greeted(fixture);
    const reading = read(fixture, 'graphql-ws', 'subscription { quiet { seq } }');
    expect(await within(2_000, () => fixture.state.openStreams.has('quiet'))).toBe(true);
    const stopped = fixture.gateway.stop(3_000);
    expect(await socket.closed()).toEqual({
      code: 1012,
      reason: expect.stringMatching(/retry in \d+ ms/) as unknown,
    });
    expect(await soon(reading.ended)).toMatchObject({ code: 1012 });
    await soon(stopped, 2_000);
    expect(fixture.state.openStreams.has('quiet')).toBe(false);
    await fixture.stop();
  });
});

describe('a gateway that stops while a socket waits for an answer', () => {
  it('answers first and closes then', async () => {
    const fixture = await startFixture('in-process');
    const socket = await greeted(fixture);
    socket.say(subscribe('1', '{ slow(ms: 300) }'));
    expect(await within(2_000, () => fixture.state.requests.length > 0)).toBe(true);
    const stopped = fixture.gateway.stop(3_000);
    expect(await socket.hear()).toMatchObject({ payload: { data: { slow: 'late' } } });
    expect(await socket.hear()).toEqual({ id: '1', type: 'complete' });
    expect((await socket.closed()).code).toBe(1012);
    await soon(stopped, 2_000);
  });
});

describe('sockets without authentication', () => {
  it('are refused to pages of other sites', async () => {
    const fixture = await startFixture('in-process', { auth: false });
    const open = (origin: string) => {
      const socket = new WebSocket(fixture.wsUrl, 'graphql-transport-ws', { origin });
      return new Promise((resolve) => {
        socket.once('error', (error) => {
          resolve(error.message);
        });
        socket.once('open', () => {
          socket.close();
          resolve('open');
        });
      });
    };
    expect(await soon(open('https://evil.example'))).toContain('403');
    expect(await soon(open(new URL('/', fixture.url).origin))).toBe('open');
    await fixture.stop();
  });
});

function subscribe(id: string, query: string) {
  return { id, type: 'subscribe', payload: { query } };
}

async function greeted(
  fixture: RunningFixture,
  token = 'alice',
  options: { readonly autoPong?: boolean } = {},
): Promise<Talk> {
  const socket = new Talk(fixture, options);
  socket.say({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
  await socket.hear();
  return socket;
}

/** A bare connection that speaks message by message. */
class Talk {
  readonly #socket: WebSocket;
  readonly #heard: unknown[] = [];
  readonly #opened: Promise<void>;
  readonly #closed: Promise<{ code: number; reason: string }>;

  constructor(
    fixture: RunningFixture,
    {
      protocol = 'graphql-transport-ws',
      ...options
    }: {
      readonly protocol?: string;
      readonly headers?: Record<string, string>;
      readonly autoPong?: boolean;
    } = {},
  ) {
    this.#socket = new WebSocket(fixture.wsUrl, protocol, options);
    this.#opened = new Promise((resolve) => this.#socket.once('open', resolve));
    this.#closed = new Promise((resolve) => {
      this.#socket.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
      });
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('message', (data: Buffer) => this.#heard.push(JSON.parse(data.toString())));
  }

  say(message: object): void {
    void this.#opened.then(() => {
      this.#socket.send(JSON.stringify(message));
    });
  }

  async hear(): Promise<unknown> {
    if (!(await within(3_000, () => this.#heard.length > 0))) throw new Error('Nothing heard');
    return this.#heard.shift();
  }

  closed(ms = 3_000): Promise<{ code: number; reason: string }> {
    return soon(this.#closed, ms);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.close();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}
