import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { restarting } from './subscriptions/endings.ts';
import type { OpenStreams } from './transports/open-streams.ts';
import type { WebSockets } from './transports/websocket.ts';

/** An HTTP server that does not wait for clients who send slowly. */
export function createListener(handler: RequestListener): Server {
  return createServer(
    {
      requestTimeout: receiveTimeoutMs,
      headersTimeout: headersTimeoutMs,
      keepAliveTimeout: 10_000,
    },
    handler,
  );
}

const receiveTimeoutMs = 30_000;
const headersTimeoutMs = 10_000;

/** Starts listening and gives the port, which is a free one when 0 was asked for. */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/**
 * Stops taking requests, asks the readers of streams to come back, and waits
 * for what is under way; cuts what is left at the deadline.
 */
export async function drain(
  server: Server,
  { open, webSockets }: { readonly open: OpenStreams; readonly webSockets: WebSockets },
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  const cut = setTimeout(() => {
    server.closeAllConnections();
  }, deadlineMs);
  // A connection whose answer was under way is idle only afterwards.
  const idle = setInterval(() => {
    server.closeIdleConnections();
  }, 50);
  open.end(restarting());
  await webSockets.close(deadlineMs);
  await closed;
  clearTimeout(cut);
  clearInterval(idle);
}
