import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApolloServer } from '@apollo/server';
import { HeaderMap } from '@apollo/server';
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Log } from '../../subgraphs/shared/log.ts';
import { jsonTypes, subscriptionOverJson } from '../apollo.ts';
import type { ApolloContext } from '../apollo.ts';
import { authenticate } from '../auth.ts';
import type { TokenVerifier } from '../auth.ts';
import { httpStatusOf, maskErrors, maskThrown, RequestErrors } from '../errors.ts';
import { eventStream } from '../event-stream.ts';
import type { Explorer } from '../explorer.ts';
import type { Limits } from '../limits.ts';
import type { OperationRequest, Operations, PreparedOperation } from '../operation.ts';
import type { Caller } from '../scope.ts';
import { callerOf, scopeOf } from '../scope.ts';
import type { Events, Subscriptions } from '../subscriptions.ts';
import { prefers } from './accept.ts';
import type { OpenStreams, StreamFormat } from './http-stream.ts';
import { writeStream } from './http-stream.ts';
import { multipart, multipartType } from './multipart.ts';
import { isTooLarge, operationRequest, readJsonBody } from './request.ts';
import { sse, sseType } from './sse.ts';

/** What answers operations, whatever the transport. */
export interface Engine {
  readonly apollo: ApolloServer<ApolloContext>;
  readonly operations: Operations;
  readonly subscriptions: Subscriptions;
  readonly verifyToken: TokenVerifier | undefined;
  readonly limits: Limits;
  readonly log: Log;
}

export interface HttpParts extends Engine {
  readonly explorer: Explorer;
  readonly open: OpenStreams;
}

/** Answers every HTTP request: `/graphql` by what it accepts, `/` and `/explorer/` as a page. */
export function httpHandler(
  parts: HttpParts,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const exchange = { ...parts, request, response };
    answer(exchange).catch((cause: unknown) => {
      parts.log.error({ err: cause }, 'request handler failed');
      response.destroy();
    });
  };
}

interface Exchange extends HttpParts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answer(exchange: Exchange): Promise<void> {
  const { request, response, explorer, log } = exchange;
  const url = new URL(request.url ?? '/', 'http://gateway');
  const caller = callerOf(
    { requestId: text(request.headers['x-request-id']), traceparent: text(request.headers.traceparent) },
    undefined,
    log,
  );
  response.setHeader('x-request-id', caller.requestId);
  response.setHeader('x-content-type-options', 'nosniff');
  if (url.pathname !== '/graphql') {
    if (await explorer(request, response, url)) return;
    const error = new ForgeError('NOT_FOUND', 'Nothing is here. The graph is at /graphql.');
    refuse(exchange, maskThrown(error, caller));
    return;
  }
  if (exchange.verifyToken) allowOtherOrigins(response);
  if (request.method === 'OPTIONS') {
    response.writeHead(204, { allow: 'GET, POST, OPTIONS' }).end();
    return;
  }
  try {
    const identity = await authenticate(request.headers.authorization, exchange.verifyToken);
    await graphql(exchange, url, { ...caller, identity });
  } catch (cause) {
    refuse(exchange, maskThrown(cause, caller), isTooLarge(cause) ? 413 : undefined);
  }
}

/**
 * Lets pages of other origins call. That is safe because nothing here trusts a
 * cookie: a page without a token gets nothing, and credentials are not allowed.
 */
function allowOtherOrigins(response: ServerResponse): void {
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('access-control-expose-headers', 'x-request-id');
  response.setHeader('access-control-allow-methods', 'GET, POST, OPTIONS');
  response.setHeader(
    'access-control-allow-headers',
    'authorization, content-type, accept, x-request-id, traceparent, tracestate, ' +
      'apollo-require-preflight, x-apollo-operation-name, cache-control, last-event-id',
  );
  response.setHeader('access-control-max-age', '86400');
}

async function graphql(exchange: Exchange, url: URL, caller: Caller): Promise<void> {
  const { request, response, limits } = exchange;
  const isGet = request.method === 'GET';
  const body = request.method === 'POST' ? await readJsonBody(request, limits.bodyBytesMax) : undefined;
  const operation = operationRequest(body, isGet ? url.searchParams : undefined);
  const prepared = operation && prepare(exchange, operation);
  const offers =
    prepared && !(prepared instanceof RequestErrors) && prepared.kind === 'subscription'
      ? streamTypes
      : [...jsonTypes, ...streamTypes];
  const type = prefers(request.headers.accept, offers);
  response.setHeader('vary', 'accept, authorization');

  if (type === undefined || (offers === streamTypes && acceptsAnything(request))) {
    const message = offers === streamTypes ? subscriptionOverJson : `Accept one of ${offers.join(', ')}.`;
    refuse(exchange, maskThrown(new ForgeError('BAD_USER_INPUT', message), caller), 406);
  } else if (type === sseType || type === multipartType) {
    if (!operation || !prepared) {
      throw new ForgeError('BAD_USER_INPUT', 'The request has no "query": send a JSON body, or GET parameters.');
    }
    await stream(exchange, type, operation, prepared, caller);
  } else {
    await json(exchange, url, body, prepared, caller);
  }
}

const streamTypes = [sseType, multipartType] as const;

/** A wildcard alone does not ask for a stream: such a client waits for one answer. */
function acceptsAnything({ headers: { accept } }: IncomingMessage): boolean {
  return accept === undefined || !/event-stream|multipart/i.test(accept);
}

/** Errors about the text are kept: each transport tells them in its own way. */
function prepare(
  { operations }: Exchange,
  { query, operationName }: OperationRequest,
): PreparedOperation | RequestErrors {
  try {
    return operations.prepare(query, operationName);
  } catch (cause) {
    if (cause instanceof RequestErrors) return cause;
    throw cause;
  }
}

async function json(
  exchange: Exchange,
  url: URL,
  body: unknown,
  prepared: PreparedOperation | RequestErrors | undefined,
  caller: Caller,
): Promise<void> {
  const { request, response, apollo, limits } = exchange;
  const gone = new AbortController();
  // A mutation whose client has left still comes to its end.
  const repeatable = prepared && !(prepared instanceof RequestErrors) && prepared.kind === 'query';
  if (repeatable) {
    response.once('close', () => {
      gone.abort(new Error('The client has left'));
    });
  }
  const context: ApolloContext = {
    scope: scopeOf(caller, gone.signal, limits.requestTimeoutMs),
    answer: { masked: false },
  };
  const answered = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: request.method ?? 'GET',
      headers: headerMap(request),
      search: url.search,
      body,
    },
    context: () => Promise.resolve(context),
  });
  if (answered.body.kind !== 'complete') throw new Error('Incremental delivery is not served');
  for (const [name, value] of answered.headers) response.setHeader(name, value);
  response.statusCode = answered.status ?? 200;
  send(response, context.answer.masked ? answered.body.string : masked(answered.body.string, caller));
}

function headerMap({ headers }: IncomingMessage): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

/** Apollo Server refuses some requests before its pipeline; those answers are masked here. */
function masked(body: string, caller: Caller): string {
  const { errors } = JSON.parse(body) as { readonly errors?: readonly GraphQLFormattedError[] };
  return JSON.stringify({ errors: maskErrors(errors ?? [], caller) });
}

async function stream(
  exchange: Exchange,
  type: (typeof streamTypes)[number],
  operation: OperationRequest,
  prepared: PreparedOperation | RequestErrors,
  caller: Caller,
): Promise<void> {
  const { response, limits, open } = exchange;
  const gone = new AbortController();
  const leave = (): void => {
    gone.abort(new Error('The client has left'));
  };
  response.once('close', leave);
  const format = type === sseType ? sse : multipart;
  const events = await opened(exchange, operation, prepared, caller, gone.signal);
  await writeStream(response, events, format, { caller, heartbeatMs: limits.heartbeatMs, open });
}

async function opened(
  { request, apollo, subscriptions, limits }: Exchange,
  operation: OperationRequest,
  prepared: PreparedOperation | RequestErrors,
  caller: Caller,
  signal: AbortSignal,
): Promise<Events> {
  try {
    if (prepared instanceof RequestErrors) throw prepared;
    if (prepared.kind === 'subscription') {
      return await subscriptions.open(prepared, operation, caller, signal);
    }
    if (prepared.kind === 'mutation' && request.method === 'GET') {
      throw new ForgeError('BAD_USER_INPUT', 'A mutation must be sent by POST.');
    }
    return once(runOnce(apollo, operation, caller, signal, limits));
  } catch (cause) {
    return once(Promise.resolve({ errors: maskThrown(cause, caller) }));
  }
}

/** Runs a query or mutation for a transport that is not JSON over HTTP. */
export async function runOnce(
  apollo: ApolloServer<ApolloContext>,
  { query, operationName, variables }: OperationRequest,
  caller: Caller,
  signal: AbortSignal,
  limits: Limits,
): Promise<FormattedExecutionResult> {
  const { body } = await apollo.executeOperation(
    { query, ...(operationName === undefined ? {} : { operationName }), ...(variables ? { variables } : {}) },
    { contextValue: { scope: scopeOf(caller, signal, limits.requestTimeoutMs), answer: { masked: false } } },
  );
  if (body.kind !== 'single') throw new Error('Incremental delivery is not served');
  const { errors, data, extensions } = body.singleResult;
  return {
    ...(errors ? { errors } : {}),
    ...(data === undefined ? {} : { data }),
    ...(extensions ? { extensions } : {}),
  };
}

function once(result: Promise<FormattedExecutionResult>): Events {
  async function* generator(): AsyncGenerator<FormattedExecutionResult, undefined, undefined> {
    yield await result;
    return undefined;
  }
  return eventStream(generator(), new AbortController());
}

/** Says no before anything ran. */
function refuse(
  { request, response }: Exchange,
  errors: readonly GraphQLFormattedError[],
  status = errors[0] ? httpStatusOf(errors[0]) : 400,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.statusCode = status;
  if (status === 401) response.setHeader('www-authenticate', 'Bearer');
  if (!request.complete) response.setHeader('connection', 'close');
  const type = prefers(request.headers.accept, jsonTypes) ?? 'application/json';
  response.setHeader('content-type', `${type}; charset=utf-8`);
  send(response, JSON.stringify({ errors }));
}

function send(response: ServerResponse, body: string): void {
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}

function text(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
