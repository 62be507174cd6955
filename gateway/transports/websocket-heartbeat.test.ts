import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { soon, within } from '../fixtures/clients.ts';
import { startFixture } from '../fixtures/gateway.ts';
import type { RunningFixture } from '../fixtures/gateway.ts';

let fixture: RunningFixture;
beforeEach(async () => {
  fixture = await startFixture('in-process', { limits: { heartbeatMs: 100, pongTimeoutMs: 400 } });
});
afterEach(() => fixture.stop());

async function connected(): Promise<WebSocket> {
  const socket = new WebSocket(fixture.wsUrl, 'graphql-transport-ws');
  await soon(new Promise((resolve) => socket.once('open', resolve)));
  socket.send(
    JSON.stringify({ type: 'connection_init', payload: { authorization: 'Bearer alice' } }),
  );
  return socket;
}

/** Nothing else of this process goes on meanwhile, the gateway included. */
function busyFor(ms: number): void {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

describe('a busy gateway', () => {
  it('keeps a client whose answer came in time and is read late', async () => {
    const socket = await connected();
    let isClosed = false;
    socket.once('close', () => (isClosed = true));
    await soon(
      new Promise<void>((resolve) => {
        // The library has answered by now, and the gateway has not read it.
        socket.once('ping', () => {
          busyFor(1_500);
          resolve();
        });
      }),
    );
    expect(await within(300, () => isClosed)).toBe(false);
    socket.terminate();
  });

  it('drops a client that answers nothing at all', async () => {
    const socket = new WebSocket(fixture.wsUrl, 'graphql-transport-ws', { autoPong: false });
    let isClosed = false;
    socket.once('close', () => (isClosed = true));
    await soon(new Promise((resolve) => socket.once('open', resolve)));
    expect(await within(3_000, () => isClosed)).toBe(true);
  });
});
