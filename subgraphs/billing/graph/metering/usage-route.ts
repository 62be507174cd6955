import type { IncomingMessage, ServerResponse } from 'node:http';
import { can } from '../../../shared/access.ts';
import type { Identity, TokenVerifier } from '../../../shared/auth.ts';
import type { Database } from '../../../shared/db.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import { ForgeError } from '../../../shared/errors.ts';
import type { Log } from '../../../shared/log.ts';
import type { HttpRoute } from '../../../shared/subgraph-server.ts';
import type { Clock } from '../../../shared/time.ts';
import { batchMax, ingestUsage } from '../../store/metering/ingest.ts';
import { countsOf, isProblem } from './ingest-usage-events.ts';

export const eventsPath = '/v1/events';

export interface UsageRouteOptions {
  readonly db: Pick<Database, 'tx'>;
  readonly clock: Clock;
  readonly verifyToken: TokenVerifier;
  readonly log: Log;
}

const bodyBytesMax = 4 * 1_048_576;

/**
 * Takes usage events over plain HTTP, as CloudEvents producers send them: one in
 * structured mode, one in binary mode (`ce-` headers), or a batch of at most 1,000.
 *
 * The token is that of the graph and needs `billing:write`; the tenant is the
 * token's. 200 is said after the events are committed: whoever got no answer
 * sends the same again, and each counts once. Of a batch what is wrong is told by
 * its place, and the rest is taken; a single event that is wrong is 400, one whose
 * name another event has is 409. Source: CloudEvents HTTP binding 1.0.2.
 */
export function usageRoute(options: UsageRouteOptions): HttpRoute {
  return async (request, response, url) => {
    if (url.pathname !== eventsPath) return false;
    try {
      await take(options, request, response);
    } catch (cause) {
      refuse(options.log, request, response, cause);
    }
    return true;
  };
}

async function take(
  { db, clock, verifyToken }: UsageRouteOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') throw new Refused(405, 'BAD_USER_INPUT', 'Send events by POST.');
  const identity = await identityOf(request, verifyToken);
  const { events, batched } = eventsOf(request, await bodyOf(request));
  const { tenant, actor } = identity;
  const results = await db.tx(tenant, (tx) => ingestUsage(tx, { events, actor, at: clock.now() }));
  const problems = results.flatMap((result, index) =>
    isProblem(result) ? [{ index, ...result }] : [],
  );
  const [problem] = problems;
  const single = problem?.status === 'CONFLICT' ? 409 : 400;
  answer(response, problem && !batched ? single : 200, { ...countsOf(results), problems });
}

async function identityOf(request: IncomingMessage, verify: TokenVerifier): Promise<Identity> {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined) throw new ForgeError('UNAUTHENTICATED', 'Events need a token.');
  const identity = await verify(token);
  if (!can(identity, 'billing:write')) {
    throw new ForgeError('FORBIDDEN', 'The token does not grant billing:write.');
  }
  return identity;
}

interface SentEvents {
  readonly events: readonly unknown[];
  readonly batched: boolean;
}

function eventsOf(request: IncomingMessage, body: Buffer): SentEvents {
  const [type = ''] = (request.headers['content-type'] ?? '').toLowerCase().split(';');
  switch (type.trim()) {
    case 'application/cloudevents-batch+json': {
      const events = jsonOf(body);
      if (!Array.isArray(events)) throw badBody('A batch is a JSON array of events.');
      if (events.length > batchMax) {
        const message = `A batch has at most ${String(batchMax)} events.`;
        throw new Refused(413, 'LIMIT_EXCEEDED', message);
      }
      return { events, batched: true };
    }
    case 'application/cloudevents+json':
      return { events: [jsonOf(body)], batched: false };
    case 'application/json':
      return { events: [{ ...headerAttributes(request), data: jsonOf(body) }], batched: false };
    default: {
      const message =
        'Events are application/cloudevents+json, application/cloudevents-batch+json, or application/json with ce- headers.';
      throw new Refused(415, 'BAD_USER_INPUT', message);
    }
  }
}

/** The attributes of an event in binary mode, each percent-decoded as the binding says. */
function headerAttributes({ headers }: IncomingMessage): Record<string, string> {
  const attributes = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith('ce-') && typeof value === 'string' ? [[name.slice(3), decoded(value)]] : [],
  );
  return Object.fromEntries(attributes) as Record<string, string>;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    bytes += (part as Buffer).length;
    if (bytes > bodyBytesMax) throw new Refused(413, 'LIMIT_EXCEEDED', 'The body is too large.');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw badBody('The body is not JSON.');
  }
}

function badBody(message: string): Refused {
  return new Refused(400, 'BAD_USER_INPUT', message);
}

/** A no with a status of its own. */
class Refused extends ForgeError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, message: string) {
    super(code, message);
    this.status = status;
  }
}

const statuses: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  PROVIDER_UNAVAILABLE: 503,
};

function refuse(
  log: Log,
  request: IncomingMessage,
  response: ServerResponse,
  cause: unknown,
): void {
  const told = cause instanceof ForgeError && cause.code !== 'INTERNAL' ? cause : undefined;
  if (!told) log.error({ err: cause }, 'usage events could not be taken');
  const code = told?.code ?? 'INTERNAL';
  const message = told?.message ?? 'Something went wrong. Send the same events again.';
  const status = told instanceof Refused ? told.status : (statuses[code] ?? 500);
  // Whoever still sends reads the refusal only when the rest is taken from them.
  request.resume();
  if (status === 401) response.setHeader('www-authenticate', 'Bearer');
  if (status === 405) response.setHeader('allow', 'POST');
  answer(response, status, { error: { code, message } });
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
