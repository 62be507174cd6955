import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gateAnswers } from './answers.ts';
import type { GateAnswer, GateOptions, GateRequest } from './answers.ts';

export interface GateServer {
  readonly port: number;
  /** Lets what is under way end, within the deadline. */
  close(deadlineMs: number): Promise<void>;
}

export interface GateServerOptions extends GateOptions {
  readonly host: string;
  readonly port: number;
}

/** What one process takes at once. Whoever comes then is asked to come again. */
const uploadsMax = 64;
const connectionsMax = 512;
const quietMsMax = 30_000;

/**
 * Listens for collectors, and for nobody else: it has a port of its own, since
 * the pods of strangers' programs may reach it.
 */
export async function startGate(options: GateServerOptions): Promise<GateServer> {
  const answers = gateAnswers(options);
  let underWay = 0;
  const server = createServer((request, response) => {
    if (underWay >= uploadsMax) {
      tell(request, response, { status: 503, text: 'ASK_AGAIN\n' });
      return;
    }
    underWay += 1;
    answer(answers, request, response)
      .catch((err: unknown) => {
        // Whoever broke off has been told nothing, and asks again.
        if (!request.destroyed) options.log.error({ err }, 'the gate could not answer');
        response.destroy();
      })
      .finally(() => {
        underWay -= 1;
      });
  });
  server.maxConnections = connectionsMax;
  server.headersTimeout = 10_000;
  server.requestTimeout = 180_000;
  server.setTimeout(quietMsMax, (socket) => {
    socket.destroy();
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, close: (deadlineMs) => close(server, deadlineMs) };
}

async function answer(
  answers: (request: GateRequest) => Promise<GateAnswer>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/', headers } = request;
  tell(request, response, await answers({ method, path: url, headers, body: request }));
}

function tell(request: IncomingMessage, response: ServerResponse, { status, text }: GateAnswer) {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'x-content-type-options': 'nosniff',
    ...(status === 503 && { 'retry-after': '1' }),
    // What was not read of a body is not waited for.
    ...(!request.complete && { connection: 'close' }),
  };
  response.writeHead(status, headers).end(text);
  if (!request.complete) request.resume();
}

async function close(server: Server, deadlineMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const cut = setTimeout(() => {
    server.closeAllConnections();
  }, deadlineMs);
  await closed;
  clearTimeout(cut);
}
