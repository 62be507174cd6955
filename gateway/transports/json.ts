import type { IncomingMessage, ServerResponse } from 'node:http';
import { HeaderMap } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';
import type { ApolloContext } from '../pipeline/apollo-context.ts';
import type { Engine } from '../engine.ts';
import type { PreparedOperation } from '../operations/operation.ts';
import type { DirectAnswer } from '../pipeline/direct.ts';
import { httpStatusOf, maskErrors } from '../errors.ts';
import type { Caller } from '../scope.ts';
import { scopeOf } from '../scope.ts';
import { jsonTypes, prefers } from './accept.ts';
import { endWithText } from './long-text.ts';

/** One request and the response to it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A request for one answer, with what was made of it. */
export interface JsonRequest {
  readonly search: string;
  readonly body: unknown;
  /** Undefined when the operation is not in order. */
  readonly prepared: PreparedOperation | undefined;
}

/**
 * Answers with one JSON result, as GraphQL over HTTP says.
 *
 * A query is given up when its client has left, since nobody misses it; a
 * mutation comes to its end all the same.
 */
export async function answerJson(
  engine: Engine,
  exchange: Exchange,
  { search, body, prepared }: JsonRequest,
  caller: Caller,
): Promise<void> {
  const { apollo, direct, limits } = engine;
  const { request, response } = exchange;
  const gone = new AbortController();
  if (prepared?.kind === 'query') {
    response.once('close', () => {
      if (!response.writableFinished) gone.abort(new Error('The client has left'));
    });
  }
  const scope = scopeOf(caller, gone.signal, limits.requestTimeoutMs);
  const given = request.headers['apollographql-client-name'];
  const client = given === undefined ? undefined : String(given);
  if (request.method === 'POST' && prepared && direct) {
    const answered = await direct(prepared, scope, client);
    if (answered) {
      sendDirect(exchange, answered);
      return;
    }
  }
  const context: ApolloContext = { scope, client, answer: { masked: false } };
  const answered = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: request.method ?? 'GET',
      headers: headerMap(request),
      search,
      body,
    },
    context: () => Promise.resolve(context),
  });
  if (answered.body.kind !== 'complete') throw new Error('Incremental delivery is not served');
  for (const [name, value] of answered.headers) response.setHeader(name, value);
  response.statusCode = answered.status ?? 200;
  const { string } = answered.body;
  send(response, context.answer.masked ? string : masked(string, caller));
}

/** Writes what Apollo Server would have written. */
function sendDirect({ request, response }: Exchange, { result, policy, age }: DirectAnswer): void {
  const type = prefers(request.headers.accept, jsonTypes) ?? 'application/json';
  response.setHeader('content-type', `${type}; charset=utf-8`);
  response.setHeader(
    'cache-control',
    policy
      ? `max-age=${String(policy.maxAge)}, ${policy.isPrivate ? 'private' : 'public'}`
      : 'no-store',
  );
  if (age !== undefined) response.setHeader('age', String(age));
  send(response, JSON.stringify(result));
}

/** Says no before anything ran. */
export function refuse(
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
  response.setHeader('cache-control', 'no-store');
  send(response, JSON.stringify({ errors }));
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

/** A short body goes out with its head in one piece. */
function send(response: ServerResponse, body: string): void {
  if (body.length >= shortCharacters) {
    endWithText(response, body);
    return;
  }
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}

const shortCharacters = 16_384;
