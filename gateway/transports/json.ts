import type { IncomingMessage, ServerResponse } from 'node:http';
import { HeaderMap } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';
import type { ApolloContext } from '../pipeline/apollo-context.ts';
import type { Engine } from '../engine.ts';
import { httpStatusOf, maskErrors } from '../errors.ts';
import type { Caller } from '../scope.ts';
import { scopeOf } from '../scope.ts';
import { jsonTypes, prefers } from './accept.ts';

/** One request and the response to it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Answers with one JSON result, as GraphQL over HTTP says.
 *
 * `abandons` is for operations that nobody misses when their client has left:
 * queries. A mutation comes to its end all the same.
 */
export async function answerJson(
  { apollo, limits }: Engine,
  { request, response }: Exchange,
  { search, body }: { readonly search: string; readonly body: unknown },
  caller: Caller,
  abandons: boolean,
): Promise<void> {
  const gone = new AbortController();
  if (abandons) {
    response.once('close', () => {
      if (!response.writableFinished) gone.abort(new Error('The client has left'));
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

function send(response: ServerResponse, body: string): void {
  const bytes = Buffer.from(body);
  response.setHeader('content-length', bytes.length);
  response.end(bytes);
}
