import {
  CircuitState,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
} from 'cockatiel';
import type { CircuitBreakerPolicy } from 'cockatiel';
import { Agent, errors, request as send } from 'undici';
import { ForgeError } from './errors.ts';
import { retryBudget } from './retry-budget.ts';
import { sleep } from './time.ts';

export interface HttpRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Whose call it is: one tenant's trouble with a provider does not close it to others. */
  readonly tenant: string;
  /**
   * Whether asking twice has the effect of asking once: by its nature, or because
   * it carries a key that the provider honours. Nothing else is sent again.
   */
  readonly repeatable: boolean;
  /** For all tries of this request together, if it is less than the client's. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface HttpClientOptions {
  /** The other system, in messages and as the breaker's name. */
  readonly provider: string;
  /** For one try, from the first byte sent to the last received. */
  readonly timeoutMs: number;
  /** For all tries together. */
  readonly deadlineMs: number;
  readonly attemptsMax: number;
  readonly responseBytesMax?: number;
  /** Whether an answer tells of trouble that passes. Without it, 429 and 5xx but 501 do. */
  readonly isPassing?: (answer: HttpAnswer) => boolean;
}

export interface HttpClient {
  /**
   * Gives the provider's answer, whatever its status: a refusal is an answer.
   *
   * Throws PROVIDER_UNAVAILABLE, retryable, when there is none within the
   * deadline: the outcome is unknown. Tries again after a broken connection, a
   * 429 or a 5xx when the request is repeatable, waiting as Retry-After says or
   * with full jitter, and only while retries are a small part of all calls.
   */
  call(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

const retryDelayMs = 200;
const retryDelayMsMax = 10_000;
const breakerFailures = 8;
const breakersMax = 5_000;
const responseBytesDefault = 16 * 1_048_576;

export function httpClient(options: HttpClientOptions): HttpClient {
  const { provider, attemptsMax } = options;
  const agent = new Agent({
    connections: 64,
    connect: { timeout: Math.min(options.timeoutMs, 5_000) },
    maxResponseSize: options.responseBytesMax ?? responseBytesDefault,
  });
  const breakers = new Map<string, CircuitBreakerPolicy>();
  const budget = retryBudget();
  const breakerOf = (tenant: string): CircuitBreakerPolicy => {
    const known = breakers.get(tenant);
    if (known) return known;
    const made = circuitBreaker(untilLeft, {
      halfOpenAfter: new ExponentialBackoff({ initialDelay: 1_000, maxDelay: 60_000 }),
      breaker: new ConsecutiveBreaker(breakerFailures),
    });
    if (breakers.size >= breakersMax) breakers.clear();
    breakers.set(tenant, made);
    return made;
  };

  return {
    async call(request) {
      const deadlineMs = Math.min(options.deadlineMs, request.deadlineMs ?? Infinity);
      const until = Date.now() + deadlineMs;
      const breaker = breakerOf(request.tenant);
      budget.call();
      for (let attempts = 1; ; attempts += 1) {
        const outcome = await tryOnce(agent, breaker, request, options, until);
        const repeatable = request.repeatable && attempts < attemptsMax;
        const delayMs = Math.max(jitterMs(attempts), outcome.retryAfterMs ?? 0);
        const again = repeatable && outcome.passing && Date.now() + delayMs < until;
        if (again && breaker.state !== CircuitState.Open && budget.retry()) {
          await sleep(delayMs, request.signal);
          continue;
        }
        if (outcome.answer) return outcome.answer;
        const message = `${provider} gave no answer. What was asked for may or may not have happened.`;
        throw new ForgeError('PROVIDER_UNAVAILABLE', message, {
          cause: outcome.cause,
          retryable: true,
        });
      }
    },
    close: () => agent.destroy(),
  };
}

interface Outcome {
  readonly answer?: HttpAnswer;
  readonly cause?: unknown;
  /** Whether the trouble is of the kind that passes. */
  readonly passing: boolean;
  readonly retryAfterMs?: number | undefined;
}

/** A server error counts against the breaker like a broken connection; it is still an answer. */
class Troubled extends Error {
  readonly answer: HttpAnswer;
  constructor(answer: HttpAnswer) {
    super(`status ${String(answer.status)}`);
    this.answer = answer;
  }
}

/** Whoever leaves says nothing about the provider, so this does not count against the breaker. */
class CallerLeft extends Error {}
const untilLeft = handleWhen((cause) => !(cause instanceof CallerLeft));

async function tryOnce(
  agent: Agent,
  breaker: CircuitBreakerPolicy,
  request: HttpRequest,
  { timeoutMs, isPassing = isPassingStatus }: HttpClientOptions,
  until: number,
): Promise<Outcome> {
  const leftMs = Math.max(1, Math.min(timeoutMs, until - Date.now()));
  const timeout = AbortSignal.timeout(leftMs);
  const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
  try {
    const answer = await breaker.execute(async () => {
      const given = await exchange(agent, request, signal).catch((cause: unknown) => {
        throw request.signal?.aborted ? new CallerLeft() : cause;
      });
      if (given.status >= 500) throw new Troubled(given);
      return given;
    });
    return { answer, passing: isPassing(answer), retryAfterMs: retryAfterOf(answer) };
  } catch (cause) {
    if (request.signal?.aborted) throw request.signal.reason;
    if (!(cause instanceof Troubled)) {
      return { cause, passing: !(cause instanceof errors.ResponseExceededMaxSizeError) };
    }
    const { answer } = cause;
    return { answer, passing: isPassing(answer), retryAfterMs: retryAfterOf(answer) };
  }
}

function isPassingStatus({ status }: HttpAnswer): boolean {
  return status === 429 || (status >= 500 && status !== 501);
}

async function exchange(
  agent: Agent,
  { url, method, headers = {}, body }: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const response = await send(url, {
    dispatcher: agent,
    method,
    headers,
    body: body ?? null,
    signal,
  });
  const { statusCode: status } = response;
  return { status, headers: response.headers, body: await response.body.text() };
}

/** Seconds or a date (RFC 9110 §10.2.3). Longer than our own longest wait is not waited for. */
function retryAfterOf({ headers }: HttpAnswer): number | undefined {
  const value = headers['retry-after'];
  if (typeof value !== 'string') return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Full jitter: anything from nothing to the doubled delay. */
function jitterMs(attempts: number): number {
  return Math.random() * Math.min(retryDelayMsMax, retryDelayMs * 2 ** attempts);
}
