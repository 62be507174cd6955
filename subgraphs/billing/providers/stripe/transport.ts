import Stripe from 'stripe';
import type { HttpAnswer } from '../../../shared/http-client.ts';
import { httpClient } from '../../../shared/http-client.ts';
import { pace } from './pace.ts';

export interface StripeConnection {
  readonly secretKey: string;
  /** Another server than Stripe's own: a simulator. */
  readonly baseUrl?: string | undefined;
  /** For one try and for all tries of a call; those of the product without them. */
  readonly timeoutMs?: number;
  readonly deadlineMs?: number;
}

export interface StripeOptions extends StripeConnection {
  /** All of them count, so that a new one can be brought in before the old one goes. */
  readonly webhookSecrets: readonly string[];
  /** The platform's id for Stripe Connect; without it accounts are connected by onboarding. */
  readonly clientId?: string | undefined;
}

const timeoutMsDefault = 15_000;
const deadlineMsDefault = 30_000;
const attemptsMax = 5;
/** What Stripe takes of one account: half of it, since other processes ask as well. */
const callsPerSecond = { live: 50, test: 12 };

/**
 * stripe-node, for writing requests and reading answers. What it does by itself
 * beside that is off: retries, telemetry and the file that it would write.
 *
 * Calls are made by our client: again after a broken connection (also within an
 * answer), 409, 429, 5xx and an answer that is no JSON, unless Stripe says not to;
 * with full jitter, as late as Retry-After says, at most five times and while the
 * deadline lasts; not while an account's circuit is open. All tries of a call
 * carry its one key.
 */
export function stripeTransport(connection: StripeConnection) {
  const http = httpClient({
    provider: 'Stripe',
    timeoutMs: connection.timeoutMs ?? timeoutMsDefault,
    deadlineMs: connection.deadlineMs ?? deadlineMsDefault,
    attemptsMax,
    isPassing,
  });
  const isLive = connection.secretKey.includes('_live_');
  const turns = pace(connection.baseUrl ? 1_000 : callsPerSecond[isLive ? 'live' : 'test']);
  const sdk = new Stripe(connection.secretKey, {
    httpClient: {
      getClientName: () => 'forge',
      async makeRequest(host, port, path, method, headers, requestData, protocol, timeout) {
        const flat = flatHeaders(headers);
        const account = flat['Stripe-Account'] ?? 'platform';
        const until = Date.now() + timeout;
        await turns.turn(account, timeout);
        const answer = await http.call({
          url: `${protocol}://${host}:${port}${path}`,
          method: method as 'GET' | 'POST' | 'DELETE',
          headers: flat,
          ...(requestData && { body: requestData }),
          tenant: account,
          repeatable: method === 'GET' || flat['Idempotency-Key'] !== undefined,
          deadlineMs: Math.max(1, until - Date.now()),
        });
        return new Answered(answer);
      },
    },
    maxNetworkRetries: 0,
    telemetry: false,
    ...hostOf(connection.baseUrl),
  });
  return { sdk, isLive, close: () => http.close() };
}

/** An answer as stripe-node wants it. It breaks, and the process with it, over one that is no object. */
class Answered extends Stripe.HttpClientResponse {
  readonly #answer: HttpAnswer;
  constructor(answer: HttpAnswer) {
    super(answer.status, answer.headers as Record<string, string>);
    this.#answer = answer;
  }
  override getRawResponse(): unknown {
    return { headers: this.#answer.headers, statusCode: this.#answer.status };
  }
  override async toJSON(): Promise<unknown> {
    return parsed(this.#answer.body);
  }
}

function parsed(body: string): object {
  const value: unknown = JSON.parse(body);
  if (typeof value === 'object' && value !== null) return value;
  throw new SyntaxError('The answer is no object.');
}

function hostOf(baseUrl: string | undefined): Stripe.StripeConfig {
  if (baseUrl === undefined) return {};
  const { hostname, port, protocol } = new URL(baseUrl);
  return { host: hostname, port, protocol: protocol === 'https:' ? 'https' : 'http' };
}

function flatHeaders(headers: object): Record<string, string> {
  const given = Object.entries(headers as Record<string, string | number | undefined>);
  return Object.fromEntries(
    given.flatMap(([name, value]) =>
      value === undefined || name.toLowerCase() === 'content-length' ? [] : [[name, String(value)]],
    ),
  );
}

/** Stripe says itself whether to ask again, where it knows; an answer that cannot be read is none. */
function isPassing({ status, headers, body }: HttpAnswer): boolean {
  const told = headers['stripe-should-retry'];
  if (told === 'true') return true;
  if (told === 'false') return false;
  if (status === 409 || status === 429 || status >= 500) return true;
  return status < 300 && !isReadable(body);
}

function isReadable(body: string): boolean {
  try {
    parsed(body);
    return true;
  } catch {
    return false;
  }
}
