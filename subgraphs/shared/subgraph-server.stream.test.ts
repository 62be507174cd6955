import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { body, post, serveFake, silence } from './fixtures/fake-subgraph.ts';
import type { Subscribe } from './fixtures/fake-subgraph.ts';
import type { SubgraphServer } from './subgraph-server.ts';
import { sleep } from './time.ts';

let server: SubgraphServer | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  jest.useRealTimers();
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close(0);
});

async function served(parts?: Parameters<typeof serveFake>[0]) {
  const { server: started, ...rest } = await serveFake(parts);
  server = started;
  return rest;
}

/** All but those of the heartbeat. */
const otherTimers = [
  'Date',
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setTimeout',
  'clearTimeout',
] as const;
const accept = { accept: 'text/event-stream' };

/** A stream of which no byte is read until somebody says so. */
function unread(url: string): Socket {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1').pause();
  sockets.push(socket);
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\ncontent-length: ${String(body.length)}\r\n\r\n${body}`,
  );
  return socket;
}

async function until(isSo: () => boolean): Promise<void> {
  for (let n = 0; n < 300 && !isSo(); n += 1) await sleep(10);
  expect(isSo()).toBe(true);
}

describe('a stream', () => {
  const counting = (): { read: () => number; subscribe: Subscribe } => {
    let read = 0;
    return {
      read: () => read,
      subscribe: async () =>
        (async function* () {
          for (;;) {
            read += 1;
            yield { data: { text: 'x'.repeat(200_000) } };
          }
        })(),
    };
  };

  it('gives each result as an event, then says that it is complete', async () => {
    const subscribe: Subscribe = async () =>
      (async function* () {
        yield { data: { n: 1 } };
        yield { data: { text: 'of two\nlines' } };
      })();
    const { url } = await served({ subscribe });
    const response = await post(url, { headers: accept });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).toBe(
      [
        ':\n\n',
        'event: next\ndata: {"data":{"n":1}}\n\n',
        'event: next\ndata: {"data":{"text":"of two\\nlines"}}\n\n',
        'event: complete\ndata:\n\n',
      ].join(''),
    );
  });

  it('opens before there is anything to tell, and says every ten seconds that it lives', async () => {
    jest.useFakeTimers({ now: Date.now(), doNotFake: [...otherTimers] });
    const subscribe: Subscribe = async () => silence();
    const { url } = await served({ subscribe });
    const { body: stream } = await post(url, { headers: accept });
    const reader = (stream ?? new ReadableStream<Uint8Array>()).getReader();
    const next = async () => Buffer.from((await reader.read()).value ?? []).toString();
    expect(await next()).toBe(':\n\n');
    jest.advanceTimersByTime(9_999);
    jest.advanceTimersByTime(1);
    expect(await next()).toBe(':\n\n');
    jest.advanceTimersByTime(20_000);
    await sleep(20);
    expect(await next()).toBe(':\n\n:\n\n');
    await reader.cancel();
    await until(() => jest.getTimerCount() === 0);
  });

  it('reads no more from the subgraph than is read by the gateway', async () => {
    const { read, subscribe } = counting();
    const { url } = await served({ subscribe });
    const socket = unread(url);
    await until(() => read() > 0);
    let before = 0;
    for (let still = 0; still < 10; still = read() === before ? still + 1 : 0) {
      before = read();
      await sleep(20);
    }
    expect(before).toBeLessThan(200);
    socket.resume();
    await until(() => read() > before + 50);
  });

  it('ends at once for the subgraph when the gateway leaves, also while it is not read', async () => {
    const left = jest.fn();
    const { read, subscribe } = counting();
    const watched: Subscribe = async (request, headers, signal) => {
      signal.addEventListener('abort', left);
      return subscribe(request, headers, signal);
    };
    const { url, lines } = await served({ subscribe: watched });
    const socket = unread(url);
    await until(() => read() > 0);
    await sleep(50);
    socket.destroy();
    await until(() => left.mock.calls.length === 1);
    const last = read();
    await sleep(50);
    expect(read() - last).toBeLessThan(2);
    expect(lines).toEqual([]);
  });

  it('ends at once for the subgraph when it has nothing to tell and knows of no signal', async () => {
    const returned = jest.fn(async () => ({ done: true, value: undefined }) as const);
    const subscribe: Subscribe = async () => silence(returned);
    const { url } = await served({ subscribe });
    const leaving = new AbortController();
    await post(url, { headers: accept, signal: leaving.signal });
    leaving.abort();
    await until(() => returned.mock.calls.length > 0);
  });

  it('that breaks is cut without saying that it is complete, and goes to the log', async () => {
    const subscribe: Subscribe = async () =>
      (async function* () {
        yield { data: { n: 1 } };
        await sleep(20);
        throw new Error('broken');
      })();
    const { url, lines } = await served({ subscribe });
    const response = await post(url, { headers: accept });
    await expect(response.text()).rejects.toThrow();
    await until(() => lines.join().includes('broken'));
  });
});
