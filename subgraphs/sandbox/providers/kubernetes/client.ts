import { ForgeError } from '../../../shared/errors.ts';
import { sleep } from '../../../shared/time.ts';
import type { Access, ClusterAccess } from './access.ts';
import { ClusterError, NoClusterAnswer, isStatus, refusalFrom } from './cluster-error.ts';
import { backoffMs } from './backoff.ts';
import { RateLimit, standardRates } from './rate-limit.ts';
import type { Rate, VerbClass } from './rate-limit.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ClusterCall {
  readonly verb: 'get' | 'create' | 'patch' | 'delete';
  readonly path: string;
  readonly query?: Query;
  readonly body?: object;
  readonly signal?: AbortSignal | undefined;
}

export interface ClusterStream {
  readonly path: string;
  readonly query?: Query;
  readonly signal: AbortSignal;
}

export interface ClusterClientOptions {
  readonly rates?: Readonly<Record<VerbClass, Rate>>;
  /** For one try of a call, from the first byte to the last. */
  readonly timeoutMs?: number;
  readonly attemptsMax?: number;
  readonly answerBytesMax?: number;
  /** Between two tries of a call, at most, unless the server names another time. */
  readonly backoffMsMax?: number;
}

/**
 * Calls the API of one cluster.
 *
 * A call gives the answer, or throws a `ClusterError` (it was refused) or a
 * `NoClusterAnswer` (it may have happened). Only what has the
 * effect of once when done twice is sent again: reading, deleting, patching; a
 * creation only when it was refused for now, or never left this process.
 *
 * The two classes of verbs are limited apart. What the server says about its
 * load holds for the whole class.
 */
export class ClusterClient {
  readonly #access: ClusterAccess;
  readonly #limits: Readonly<Record<VerbClass, RateLimit>>;
  readonly #options: Required<Omit<ClusterClientOptions, 'rates'>>;

  constructor(
    access: ClusterAccess,
    { rates = standardRates, ...options }: ClusterClientOptions = {},
  ) {
    this.#access = access;
    this.#limits = { mutate: new RateLimit(rates.mutate), read: new RateLimit(rates.read) };
    this.#options = {
      timeoutMs: 30_000,
      attemptsMax: 4,
      answerBytesMax: 64 * 1_048_576,
      backoffMsMax: 2_000,
      ...options,
    };
  }

  async call<T>(call: ClusterCall): Promise<T> {
    const { attemptsMax, backoffMsMax } = this.#options;
    for (let attempts = 1; ; attempts += 1) {
      try {
        return JSON.parse(await this.#once(call, attempts > 1)) as T;
      } catch (error) {
        call.signal?.throwIfAborted();
        if (attempts >= attemptsMax || !isRepeatable(call, error)) throw error;
        const waitMs = backoffMs(attempts, { firstMs: 100, maxMs: backoffMsMax });
        // After a 429 the limit waits for as long as the server said.
        if (!isStatus(error, 401, 429)) await sleep(waitMs, call.signal);
      }
    }
  }

  /** Opens an answer that comes over time. What is thrown while it is read is no answer either. */
  async open({ path, query, signal }: ClusterStream): Promise<AsyncIterable<Buffer>> {
    const limit = this.#limits.read;
    await limit.enter(signal);
    const what = `GET ${path}`;
    const started = AbortSignal.timeout(this.#options.timeoutMs);
    const over = new AbortController();
    const giveUp = (): void => {
      over.abort(started.reason);
    };
    started.addEventListener('abort', giveUp, { once: true });
    const both = AbortSignal.any([signal, over.signal]);
    try {
      const { statusCode, headers, body } = await this.#send('GET', path, query, undefined, both);
      if (statusCode === 200) return bytesOf(what, body, signal);
      const refusal = refusalFrom(statusCode, headers, await body.text());
      this.#learn(limit, refusal);
      throw refusal;
    } catch (cause) {
      signal.throwIfAborted();
      throw noAnswer(what, cause);
    } finally {
      started.removeEventListener('abort', giveUp);
    }
  }

  close(): Promise<void> {
    return this.#access.close();
  }

  async #once({ verb, path, query, body, signal }: ClusterCall, isAgain: boolean): Promise<string> {
    const limit = this.#limits[verb === 'get' ? 'read' : 'mutate'];
    await limit.enter(signal);
    const what = `${verb} ${path}`;
    const time = AbortSignal.timeout(this.#options.timeoutMs);
    const both = signal ? AbortSignal.any([signal, time]) : time;
    try {
      const method = methods[verb];
      const answer = await this.#send(method, path, query, body && { verb, body }, both);
      const text = await textOf(answer.body, this.#options.answerBytesMax);
      if (answer.statusCode < 300) return text;
      const refusal = refusalFrom(answer.statusCode, answer.headers, text);
      // A token that was renewed a moment ago is read again, once.
      if (refusal.status === 401 && !isAgain) await this.#access.get(true);
      this.#learn(limit, refusal);
      throw refusal;
    } catch (cause) {
      signal?.throwIfAborted();
      throw noAnswer(what, cause);
    }
  }

  #learn(limit: RateLimit, { status, retryAfterMs }: ClusterError): void {
    if (status === 429) limit.refused(retryAfterMs);
  }

  async #send(
    method: Method,
    path: string,
    query: Query | undefined,
    content: { readonly verb: ClusterCall['verb']; readonly body: object } | undefined,
    signal: AbortSignal,
  ) {
    const access = await this.#access.get();
    return await access.agent.request({
      origin: access.origin,
      path: addressOf(access, path, query),
      method,
      signal,
      headers: {
        accept: 'application/json, */*',
        ...access.headers,
        ...(content && { 'content-type': contentTypes[content.verb] ?? 'application/json' }),
      },
      ...(content && { body: JSON.stringify(content.body) }),
    });
  }
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

const methods = { get: 'GET', create: 'POST', patch: 'PATCH', delete: 'DELETE' } as const;
const contentTypes: Readonly<Record<string, string>> = { patch: 'application/merge-patch+json' };

function addressOf({ basePath }: Access, path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(
    given.map(([name, value]): [string, string] => [name, String(value)]),
  );
  return `${basePath}${path}${search.size > 0 ? `?${search.toString()}` : ''}`;
}

function isRepeatable({ verb }: ClusterCall, error: unknown): boolean {
  if (isStatus(error, 401, 429)) return true;
  if (error instanceof NoClusterAnswer && error.unsent) return true;
  if (verb === 'create') return false;
  return error instanceof NoClusterAnswer || isStatus(error, 500, 502, 503, 504);
}

/** Codes of connections that were never made. */
const unsentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
  'EHOSTUNREACH',
]);

function noAnswer(what: string, cause: unknown): Error {
  if (cause instanceof ClusterError || cause instanceof ForgeError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return new NoClusterAnswer(what, cause, unsentCodes.has(code));
}

async function textOf(body: AsyncIterable<Buffer>, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`the answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* bytesOf(
  what: string,
  body: AsyncIterable<Buffer>,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (cause) {
    signal.throwIfAborted();
    throw noAnswer(what, cause);
  }
}
