import type { ExecutionResult } from 'graphql';
import { request as send } from 'undici';
import type { Agent, Dispatcher } from 'undici';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { parseEventStream } from './event-stream-parser.ts';
import { resultIn } from './http-call.ts';
import type { GraphRequest } from './subgraph-client.ts';
import { unavailable } from './subgraph-client.ts';

/** Opens a stream. A subgraph that answers with one result instead gives a stream of that. */
export async function openEvents(
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
