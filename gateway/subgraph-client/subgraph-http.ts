import type { ExecutionResult } from 'graphql';
import { Agent, Pool, request as send } from 'undici';
import type { Dispatcher } from 'undici';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Subgraph } from '../supergraph/supergraph.ts';
import { parseEventStream } from './event-stream-parser.ts';
import type { GraphRequest, SubgraphLink } from './subgraph-client.ts';
import { unavailable } from './subgraph-client.ts';

/** The connections to subgraphs behind HTTP, shared by all of them. */
export interface SubgraphConnections {
  link(subgraph: Subgraph): SubgraphLink;
  /** Lets go of all others, once what is under way has had its time. */
  keepOnly(subgraphs: readonly Subgraph[], afterMs: number): void;
  close(): Promise<void>;
}

/**
 * Reaches subgraphs by HTTP: operations as JSON, subscriptions as a stream of
 * server-sent events.
 *
 * A query whose connection failed is sent again, since asking twice changes
 * nothing. A mutation never is: it may have taken effect.
 */
export function subgraphConnections(): SubgraphConnections {
  const pools = new Map<string, Pool>();
  const streams = new Agent({ connections: null, connect: { timeout: connectTimeoutMs } });
  // Subgraphs at one address have connections of their own: one that is slow holds up itself.
  const keyOf = ({ name, url }: Subgraph): string => `${name} ${new URL(url).origin}`;
  const poolOf = (subgraph: Subgraph): Pool => {
    const key = keyOf(subgraph);
    const known = pools.get(key);
    if (known) return known;
    const pool = new Pool(new URL(subgraph.url).origin, {
      connections: connectionsPerSubgraphMax,
      maxResponseSize: responseBytesMax,
      connect: { timeout: connectTimeoutMs },
    });
    pools.set(key, pool);
    return pool;
  };
  return {
    link(subgraph) {
      const { name } = subgraph;
      const url = new URL(subgraph.url);
      const pool = poolOf(subgraph);
      const path = url.pathname + url.search;
      return {
        execute: (request, headers, signal) =>
          retrying(isQuery(request), signal, () =>
            call(pool, name, path, request, headers, signal),
          ),
        subscribe: (request, headers, signal) => open(streams, name, url, request, headers, signal),
      };
    },
    keepOnly(subgraphs, afterMs) {
      const kept = new Set(subgraphs.map(keyOf));
      for (const [key, pool] of pools) {
        if (kept.has(key)) continue;
        pools.delete(key);
        setTimeout(() => void pool.destroy(), afterMs).unref();
      }
    },
    async close() {
      await Promise.all([...pools.values(), streams].map((one) => one.destroy()));
    },
  };
}

const connectionsPerSubgraphMax = 64;
const connectTimeoutMs = 3_000;
const responseBytesMax = 64 * 1_048_576;
const attemptsMax = 3;
const retryDelayMs = 50;

function isQuery({ query }: GraphRequest): boolean {
  return !/^\s*mutation\b/.test(query);
}

async function retrying<T>(
  repeatable: boolean,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (cause) {
      const again = repeatable && attempts < attemptsMax && connectionFailed(cause);
      if (!again || signal.aborted) throw cause;
      await pause(retryDelayMs * 2 ** (attempts - 1) * (0.5 + Math.random()));
    }
  }
}

const connectionFailures: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);

function connectionFailed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && connectionFailures.has(error.code);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function call(
  pool: Pool,
  name: string,
  path: string,
  request: GraphRequest,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<ExecutionResult> {
  headers['accept'] = 'application/graphql-response+json, application/json';
  headers['content-type'] = 'application/json';
  const body = JSON.stringify(request);
  const { status, text } = await exchanged(pool, signal, { path, method: 'POST', headers, body });
  return resultIn(name, status, text);
}

interface Exchanged {
  readonly status: number;
  readonly text: string;
}

/** Sends one request and takes its whole answer, without a stream for either. */
function exchanged(
  pool: Pool,
  signal: AbortSignal,
  options: Pick<Dispatcher.DispatchOptions, 'path' | 'method' | 'headers' | 'body'>,
): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let status = 0;
    let abort = (): void => undefined;
    const onAbort = (): void => {
      abort();
    };
    signal.addEventListener('abort', onAbort);
    pool.dispatch(
      { ...options, headersTimeout: 0, bodyTimeout: 0 },
      {
        onRequestStart(controller) {
          abort = () => {
            controller.abort(reasonOf(signal));
          };
          if (signal.aborted) abort();
        },
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          signal.removeEventListener('abort', onAbort);
          const [only, ...more] = chunks;
          const bytes = only && more.length === 0 ? only : Buffer.concat(chunks);
          resolve({ status, text: bytes.toString('utf8') });
        },
        onResponseError(_controller, error) {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      },
    );
  });
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

function post(
  agent: Agent,
  url: URL,
  request: GraphRequest,
  signal: AbortSignal,
  headers: Record<string, string>,
): Promise<Dispatcher.ResponseData> {
  return send(url, {
    dispatcher: agent,
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

/** A body that is a GraphQL result is the answer, whatever the status says. */
function resultIn(name: string, status: number, text: string): ExecutionResult {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw unavailable(
      name,
      new Error(`${name} answered ${String(status)} without JSON`, { cause }),
    );
  }
  if (!isExecutionResult(body)) {
    throw unavailable(
      name,
      new Error(`${name} answered ${String(status)} without a GraphQL result`),
    );
  }
  return body;
}

function isExecutionResult(body: unknown): body is ExecutionResult {
  if (typeof body !== 'object' || body === null) return false;
  return 'data' in body || ('errors' in body && Array.isArray(body.errors));
}

async function open(
  agent: Agent,
  name: string,
  url: URL,
  request: GraphRequest,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<AsyncIterable<ExecutionResult>> {
  const response = await post(agent, url, request, signal, {
    ...headers,
    accept: 'text/event-stream',
  });
  const contentType = String(response.headers['content-type'] ?? '');
  if (!contentType.startsWith('text/event-stream')) {
    const text = response.body.text();
    return only(text.then((body) => resultIn(name, response.statusCode, body)));
  }
  return events(name, response.body);
}

async function* only(result: Promise<ExecutionResult>): AsyncGenerator<ExecutionResult> {
  yield await result;
}

/** The results of a stream. One that breaks off without saying it is complete is a failure. */
async function* events(
  name: string,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<ExecutionResult> {
  try {
    for await (const { event, data } of parseEventStream(body)) {
      if (event === 'complete') return;
      if (event === 'next') yield resultIn(name, 200, data);
    }
  } catch (cause) {
    throw cause instanceof ForgeError ? cause : unavailable(name, cause);
  }
  throw unavailable(name, new Error(`${name} ended the stream without completing it`));
}
