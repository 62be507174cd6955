import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { ForgeError, notFound } from '../../subgraphs/shared/errors.ts';
import { subscriptionOverJson } from '../pipeline/answers.ts';
import { authenticate } from '../auth/auth.ts';
import type { Engine } from '../engine.ts';
import { maskThrown, RequestErrors } from '../errors.ts';
import type { HttpRoute } from '../pages/explorer.ts';
import type { PreparedOperation } from '../operations/operation.ts';
import { PersistedRefusal } from '../operations/persisted-refusals.ts';
import type { ReceivedOperation } from '../operations/received.ts';
import { isWellFormed, receivedOperation } from '../operations/received.ts';
import type { Caller } from '../scope.ts';
import { callerOf } from '../scope.ts';
import { jsonTypes, prefers } from './accept.ts';
import { streamOperation } from './http-operation.ts';
import { answerJson, refuse } from './json.ts';
import type { Exchange } from './json.ts';
import { multipart, multipartType } from './multipart.ts';
import { bodyStatusOf, readJsonBody, requestWithText, searchMembers } from './request.ts';
import type { OpenStreams } from './open-streams.ts';
import { sse, sseType } from './sse.ts';

export interface HttpParts {
  readonly engine: Engine;
  /** What else is served here: pages, and files of subgraphs mounted in this process. */
  readonly routes: readonly HttpRoute[];
  readonly open: OpenStreams;
}

/** Answers every HTTP request: `/graphql` by what it accepts, anything else by its routes. */
export function httpHandler(
  parts: HttpParts,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(parts, { request, response }).catch((cause: unknown) => {
      parts.engine.log.error({ err: cause }, 'request handler failed');
      response.destroy();
    });
  };
}

async function answer(parts: HttpParts, exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const { engine, routes } = parts;
  const { 'x-request-id': requestId, traceparent } = request.headers;
  const anonymous = callerOf(
    {
      requestId: text(requestId),
      traceparent: text(traceparent),
      forwarded: engine.forwarding(request.headers),
      cacheControl: request.headers['cache-control'],
    },
    undefined,
    engine,
  );
  response.setHeader('x-request-id', anonymous.requestId);
  response.setHeader('x-content-type-options', 'nosniff');
  try {
    const url = urlOf(request);
    const streamId = tokenPath.exec(url.pathname)?.groups?.['id'];
    if (url.pathname === '/graphql' || streamId !== undefined) {
      if (engine.verifyToken) allowOtherOrigins(exchange);
      if (request.method === 'OPTIONS') {
        response.writeHead(204, { allow: 'GET, POST, OPTIONS' }).end();
        return;
      }
      const identity = await authenticate(request.headers.authorization, engine.verifyToken);
      await enter(engine, exchange, identity);
      if (streamId !== undefined) {
        renewStream(parts, exchange, streamId, identity);
        return;
      }
      const attributes = { 'forge.request_id': anonymous.requestId };
      await engine.tracing.span('graphql', anonymous.traceparent, attributes, (traceparent) =>
        graphql(parts, exchange, url, { ...anonymous, identity, traceparent }),
      );
    } else if (!(await answeredBy(routes, exchange, url))) {
      throw new ForgeError('NOT_FOUND', 'Nothing is here. The graph is at /graphql.');
    }
  } catch (cause) {
    refuse(exchange, maskThrown(cause, anonymous), bodyStatusOf(cause));
  }
}

const tokenPath = /^\/graphql\/streams\/(?<id>[\w-]{1,64})\/token$/;

/** Gives an open stream the token of this request. Somebody else's stream is as one that is not. */
function renewStream(
  { open }: HttpParts,
  { request, response }: Exchange,
  id: string,
  identity: Identity | undefined,
): void {
  if (request.method !== 'POST') {
    response.writeHead(405, { allow: 'POST' }).end();
    return;
  }
  if (!open.renew(id, identity)) throw notFound('Stream');
  response.writeHead(204).end();
}

/**
 * Lets a request in, and keeps its turn until the client has all of the answer
 * or has left: a slow reader takes its own tenant's turns. A stream gives its
 * turn back, since it waits most of the time.
 */
async function enter(
  { admission, limits }: Engine,
  { request, response }: Exchange,
  identity: Identity | undefined,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  const announced = Number(request.headers['content-length'] ?? 0);
  const isUnknown = request.headers['transfer-encoding'] !== undefined;
  const bytes = isUnknown ? limits.bodyBytesMax : Math.min(announced, limits.bodyBytesMax);
  const leave = await admission.enter(identity, bytes, gone.signal);
  response.once('close', leave).once('streaming', leave);
  if (response.destroyed) leave();
}

/** Whether one of these answered: the first that knows the address does. */
async function answeredBy(
  routes: readonly HttpRoute[],
  { request, response }: Exchange,
  url: URL,
): Promise<boolean> {
  for (const route of routes) if (await route(request, response, url)) return true;
  return false;
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  if (url === '/graphql') return graphqlUrl;
  const parsed = URL.parse(url, 'http://gateway');
  if (!parsed) throw new ForgeError('BAD_USER_INPUT', 'The request names no address.');
  return parsed;
}

/** Nearly every request is for it. */
const graphqlUrl = new URL('http://gateway/graphql');

function text(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}

/**
 * Lets pages of other origins call. That is safe because nothing here trusts a
 * cookie: a page without a token gets nothing, and credentials are not allowed.
 */
function allowOtherOrigins({ request, response }: Exchange): void {
  if (request.headers.origin === undefined) return;
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader(
    'access-control-expose-headers',
    'x-request-id, x-stream-id, x-token-expires-at',
  );
  if (request.method !== 'OPTIONS') return;
  response.setHeader('access-control-allow-methods', 'GET, POST, OPTIONS');
  response.setHeader(
    'access-control-allow-headers',
    'authorization, content-type, accept, x-request-id, traceparent, tracestate, ' +
      'apollo-require-preflight, x-apollo-operation-name, cache-control, last-event-id',
  );
  response.setHeader('access-control-max-age', '86400');
}

const streamTypes = [sseType, multipartType] as const;

async function graphql(
  parts: HttpParts,
  exchange: Exchange,
  url: URL,
  caller: Caller,
): Promise<void> {
  const { engine } = parts;
  const { request, response } = exchange;
  const { method } = request;
  const bytesMax = engine.limits.bodyBytesMax;
  const body = method === 'POST' ? await readJsonBody(request, bytesMax) : undefined;
  const isSearch = method === 'GET';
  const members = isSearch ? searchMembers(url.searchParams) : body;
  const received = receivedOperation(members);
  const prepared = received && prepare(engine, received, caller);
  const kind = prepared instanceof RequestErrors ? undefined : prepared?.kind;
  response.setHeader('vary', engine.vary);

  const type = negotiate(request, kind === 'subscription');
  if (type === undefined) {
    const error = new ForgeError('BAD_USER_INPUT', notServed(kind === 'subscription'));
    refuse(exchange, maskThrown(error, caller), 406);
  } else if (type === sseType || type === multipartType) {
    if (!prepared) throw new ForgeError('BAD_USER_INPUT', 'There is no "query".');
    const format = type === sseType ? sse : multipart;
    await streamOperation(parts, exchange, prepared, { caller, format });
    if (kind === 'subscription') response.emit('streaming');
  } else if (prepared instanceof PersistedRefusal) {
    refuse(exchange, maskThrown(prepared, caller), prepared.status);
  } else if (received?.persisted && prepared instanceof RequestErrors) {
    refuse(exchange, maskThrown(prepared, caller));
  } else {
    const isInOrder =
      prepared !== undefined && !(prepared instanceof RequestErrors) && isWellFormed(members);
    const sent =
      received?.persisted && isInOrder
        ? requestWithText(isSearch, members, prepared.request.query)
        : { search: url.search, body };
    const request = { ...sent, prepared: isInOrder ? prepared : undefined };
    await answerJson(engine, exchange, request, caller);
  }
}

/**
 * One answer goes as JSON to everybody who takes JSON, and events as a stream.
 * A wildcard alone does not ask for a stream: such a client waits for one answer.
 */
function negotiate({ headers: { accept } }: IncomingMessage, isSubscription: boolean) {
  const asksForStream = accept !== undefined && /event-stream|multipart/i.test(accept);
  if (isSubscription) return asksForStream ? prefers(accept, streamTypes) : undefined;
  return prefers(accept, jsonTypes) ?? prefers(accept, streamTypes);
}

function notServed(isSubscription: boolean): string {
  return isSubscription
    ? subscriptionOverJson
    : `This answer is served as ${[...jsonTypes, ...streamTypes].join(', ')}. Accept one of them.`;
}

/** Errors in the text are kept, because each transport tells them in its own way. */
function prepare(
  { operations }: Engine,
  received: ReceivedOperation,
  { identity }: Caller,
): PreparedOperation | RequestErrors {
  try {
    return operations.prepare(received, identity);
  } catch (cause) {
    if (cause instanceof RequestErrors) return cause;
    throw cause;
  }
}
