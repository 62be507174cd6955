import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ForgeError } from './errors.ts';
import type { SubgraphEndpoint } from './host.ts';
import type { Log } from './log.ts';
import type { GraphRequest } from './subgraph-schema.ts';

export interface SubgraphServer {
  readonly url: string;
  close(deadlineMs: number): Promise<void>;
}

/** Answers requests that are not for the graph; false when one is not for it either. */
export type HttpRoute = (
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
) => Promise<boolean>;

const bodyBytesMax = 4 * 1_048_576;
const heartbeatMs = 10_000;

/**
 * Puts a subgraph behind HTTP for gateways: operations as JSON, subscriptions as
 * server-sent events (graphql-sse, distinct connections) at the pace at which
 * they are read. Whoever leaves ends what was done for them at once.
 */
export async function serveSubgraph(
  endpoint: SubgraphEndpoint,
  options: {
    readonly host: string;
    readonly port: number;
    readonly log: Log;
    readonly routes: readonly HttpRoute[];
  },
): Promise<SubgraphServer> {
  const { host, port, log, routes } = options;
  const server = createServer((request, response) => {
    response.once('close', () => {
      if (!server.listening) server.closeIdleConnections();
    });
    answer(endpoint, routes, request, response).catch((err: unknown) => {
      if (!response.destroyed) log.warn({ err }, 'a request could not be answered');
      response.destroy();
    });
  });
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    url: `http://${host}:${String((server.address() as AddressInfo).port)}/graphql`,
    async close(deadlineMs) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const cut = setTimeout(() => {
        server.closeAllConnections();
      }, deadlineMs);
      await closed;
      clearTimeout(cut);
    },
  };
}

async function answer(
  endpoint: SubgraphEndpoint,
  routes: readonly HttpRoute[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://subgraph');
  if (url.pathname !== '/graphql') {
    for (const route of routes) if (await route(request, response, url)) return;
    response.writeHead(404).end();
    return;
  }
  if (request.method !== 'POST') {
    response.writeHead(405, { allow: 'POST' }).end();
    return;
  }
  const body = await readRequest(request);
  if (typeof body === 'number') {
    // Whoever still sends reads the refusal only when the rest is taken from them.
    response.writeHead(body, { connection: 'close' }).end();
    request.resume();
    return;
  }
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort(new ForgeError('DEADLINE_EXCEEDED', 'Nobody waits for the answer any more.'));
  });
  const headers = flat(request);
  if (headers['accept'] === 'text/event-stream') {
    const results = await endpoint.subscribe(body, headers, gone.signal);
    await stream(results, response, gone.signal);
    return;
  }
  const text = JSON.stringify(
    await endpoint.execute(body, headers, deadlineOf(headers, gone.signal)),
  );
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function stream(
  results: AsyncIterable<unknown>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(':\n\n');
  const heartbeat = setInterval(() => response.write(':\n\n'), heartbeatMs);
  const events = results[Symbol.asyncIterator]();
  const leave = (): void => {
    clearInterval(heartbeat);
    void Promise.resolve(events.return?.()).catch(() => undefined);
  };
  // A source may have nothing to tell for long, and know of no signal.
  signal.addEventListener('abort', leave, { once: true });
  try {
    for await (const result of { [Symbol.asyncIterator]: () => events }) {
      if (signal.aborted) return;
      const text = `event: next\ndata: ${JSON.stringify(result)}\n\n`;
      if (!response.write(text)) await once(response, 'drain', { signal });
    }
    response.end('event: complete\ndata:\n\n');
  } catch (cause) {
    if (!signal.aborted) throw cause;
  } finally {
    clearInterval(heartbeat);
  }
}

/** Gives the status of the refusal for what cannot be a request. */
async function readRequest(request: IncomingMessage): Promise<GraphRequest | 400 | 413> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    bytes += (part as Buffer).length;
    if (bytes > bodyBytesMax) return 413;
    parts.push(part as Buffer);
  }
  try {
    const body = JSON.parse(Buffer.concat(parts).toString()) as Partial<GraphRequest> | null;
    return typeof body?.query === 'string' ? (body as GraphRequest) : 400;
  } catch {
    return 400;
  }
}

function flat({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** What the gateway no longer waits for is not worked on. */
function deadlineOf(headers: Record<string, string>, signal: AbortSignal): AbortSignal {
  const ms = Number(headers['x-forge-timeout-ms']);
  return ms > 0 ? AbortSignal.any([signal, AbortSignal.timeout(Math.min(ms, 600_000))]) : signal;
}
