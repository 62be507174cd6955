import type { ExecutionResult } from 'graphql';
import type { Dispatcher, Pool } from 'undici';
import { noteCacheControl } from '../caching/subgraph-headers.ts';
import { passingStatuses, PassingStatus } from './http-retry.ts';
import type { GraphRequest } from './subgraph-client.ts';
import { unavailable } from './subgraph-client.ts';

/** Asks one subgraph once. Throws when what comes back is no GraphQL result. */
export async function call(
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
  const answer = await exchanged(pool, signal, { path, method: 'POST', headers, body });
  const result = resultIn(name, answer.status, answer.text);
  noteCacheControl(result, answer.cacheControl);
  return result;
}

interface Exchanged {
  readonly status: number;
  readonly text: string;
  readonly cacheControl: unknown;
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
    let cacheControl: unknown;
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
        onResponseStart(_controller, statusCode, answered) {
          status = statusCode;
          cacheControl = answered['cache-control'];
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          signal.removeEventListener('abort', onAbort);
          const [only, ...more] = chunks;
          const bytes = only && more.length === 0 ? only : Buffer.concat(chunks);
          resolve({ status, cacheControl, text: bytes.toString('utf8') });
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

/** A body that is a GraphQL result is the answer, whatever the status says. */
export function resultIn(name: string, status: number, text: string): ExecutionResult {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw unavailable(
      name,
      noResult(`${name} answered ${String(status)} without JSON`, status, cause),
    );
  }
  if (isExecutionResult(body)) return body;
  throw unavailable(
    name,
    noResult(`${name} answered ${String(status)} without a GraphQL result`, status),
  );
}

function noResult(message: string, status: number, cause?: unknown): Error {
  return passingStatuses.has(status)
    ? new PassingStatus(message, { cause })
    : new Error(message, { cause });
}

function isExecutionResult(body: unknown): body is ExecutionResult {
  if (typeof body !== 'object' || body === null) return false;
  return 'data' in body || ('errors' in body && Array.isArray(body.errors));
}
