import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecutionArgs, ExecutionResult, FormattedExecutionResult } from 'graphql';
import { makeServer, CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import type { Context } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { authenticate, whenExpired } from '../auth.ts';
import type { Engine } from '../engine.ts';
import { runOnce } from '../engine.ts';
import { asGraphQLError, maskThrown, RequestErrors } from '../errors.ts';
import { eventsOf } from '../event-stream.ts';
import type { OperationRequest, PreparedOperation } from '../operation.ts';
import type { Caller } from '../scope.ts';
import { callerOf } from '../scope.ts';
import type { Events } from '../subscriptions.ts';

/** What one connection carries beside its socket. */
interface Connection {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** Aborts when the client has left. */
  readonly gone: AbortController;
  identity?: Identity | undefined;
  /** The running operations' callers, by the client's ids. */
  readonly callers: Map<string, Caller>;
}

/** What `onSubscribe` prepares and `execute` or `subscribe` runs. */
interface Prepared {
  readonly operation: PreparedOperation;
  readonly request: OperationRequest;
  readonly caller: Caller;
  readonly connection: Connection;
}

export interface WebSockets {
  /** Asks every client to come back, each after another while, and waits until they have left. */
  close(withinMs: number): Promise<void>;
}

/** Serves the `graphql-transport-ws` protocol on upgrades of `/graphql`. */
export function serveWebSockets(server: Server, engine: Engine): WebSockets {
  const { limits, log } = engine;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.bodyBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) =>
      offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  });
  const protocol = protocolServer(engine);

  const upgrade = (request: IncomingMessage, duplex: Duplex, head: Buffer): void => {
    duplex.on('error', () => undefined);
    if (new URL(request.url ?? '/', 'http://gateway').pathname !== '/graphql') {
      duplex.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    if (!engine.verifyToken && isForeign(request)) {
      duplex.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, duplex, head, (socket) => {
      serve(protocol, { socket, request, gone: new AbortController(), callers: new Map() }, engine);
    });
  };
  server.on('upgrade', upgrade);

  return {
    async close(withinMs) {
      server.off('upgrade', upgrade);
      const left = [...sockets.clients].map(
        (socket) => new Promise((resolve) => socket.once('close', resolve)),
      );
      for (const socket of sockets.clients) {
        socket.close(serviceRestart, `restarting, retry in ${String(jitteredRetryMs())} ms`);
      }
      const terminate = setTimeout(
        () => {
          log.info({ clients: sockets.clients.size }, 'websockets cut at the deadline');
          for (const socket of sockets.clients) socket.terminate();
        },
        Math.min(withinMs, closingTimeoutMs),
      );
      await Promise.all(left);
      clearTimeout(terminate);
    },
  };
}

/** True for a page of another site, which without tokens could speak for whoever looks at it. */
function isForeign({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin !== undefined && URL.parse(origin)?.host !== host;
}

const serviceRestart = 1012;
const forbidden: number = CloseCode.Forbidden;
const retryMsMax = 5_000;
/** How long a client may take to answer a close, well under any sensible drain. */
const closingTimeoutMs = 3_000;
const initTimeoutMs = 10_000;

/** Spreads the clients' return, so that they do not all come at once. */
export function jitteredRetryMs(): number {
  return 200 + Math.floor(Math.random() * retryMsMax);
}

type Protocol = ReturnType<typeof protocolServer>;

function protocolServer(engine: Engine) {
  return makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: initTimeoutMs,
    onConnect: (context) => connect(context, engine),
    onSubscribe: (context, id, payload) => {
      const { extra: connection } = context;
      const request: OperationRequest = {
        query: payload.query,
        operationName: payload.operationName ?? undefined,
        variables: payload.variables ?? undefined,
      };
      const caller = callerOf({}, connection.identity, engine.log);
      connection.callers.set(id, caller);
      try {
        limitSubscriptions(context, engine);
        const operation = engine.operations.prepare(request.query, request.operationName);
        return executionArgs({ operation, request, caller, connection });
      } catch (cause) {
        return maskThrown(cause, caller).map(asGraphQLError);
      }
    },
    execute: (args) => failing(() => run(preparedIn(args), engine)),
    subscribe: (args) => failing(() => open(preparedIn(args), engine)),
    onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
    onError: (context, id, _payload, errors) => {
      const caller = context.extra.callers.get(id) ?? callerOf({}, undefined, engine.log);
      return errors.flatMap((error) =>
        error.originalError ? maskThrown(error.originalError, caller) : [error.toJSON()],
      );
    },
    onComplete: ({ extra }, id) => {
      extra.callers.delete(id);
    },
  });
}

/** Binds one socket to the protocol, and to the end of its token. */
function serve(protocol: Protocol, connection: Connection, { limits, log }: Engine): void {
  const { socket, gone } = connection;
  let alive = true;
  let stalledMs = 0;
  const heartbeat = setInterval(() => {
    // A slow reader cannot answer pings that wait behind what it has not read.
    stalledMs = socket.bufferedAmount > 0 ? stalledMs + limits.heartbeatMs : 0;
    if (stalledMs > 0 && stalledMs <= limits.stallTimeoutMs) {
      alive = true;
      return;
    }
    if (!alive || stalledMs > 0) {
      socket.terminate();
      return;
    }
    alive = false;
    socket.ping();
  }, limits.heartbeatMs);
  socket.on('pong', () => {
    alive = true;
  });
  socket.on('error', (err) => {
    log.debug({ err }, 'websocket error');
  });
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // Settles when the bytes are with the system, so a slow reader is waited for.
      send: (data) =>
        new Promise((resolve, reject) => {
          if (socket.readyState !== socket.OPEN) {
            resolve();
            return;
          }
          socket.send(data, (error) => {
            if (error && socket.readyState === socket.OPEN) reject(error);
            else resolve();
          });
        }),
      close: (code, reason) => {
        socket.close(code, reason);
      },
      onMessage: (handle) => {
        socket.on('message', (data: Buffer) => {
          handle(data.toString('utf8')).catch((err: unknown) => {
            log.error({ err }, 'websocket message failed');
            socket.close(CloseCode.InternalServerError, 'Internal server error');
          });
        });
      },
    },
    connection,
  );
  socket.once('close', (code, reason) => {
    clearInterval(heartbeat);
    gone.abort(new Error('The client has left'));
    closed(code, reason.toString()).catch((err: unknown) => {
      log.error({ err }, 'websocket close failed');
    });
  });
}

async function connect(
  { connectionParams, extra }: Context<Record<string, unknown>, Connection>,
  { verifyToken, log }: Engine,
): Promise<boolean> {
  const { socket, request, gone } = extra;
  const given = connectionParams?.['authorization'] ?? connectionParams?.['Authorization'];
  const authorization = typeof given === 'string' ? asBearer(given) : request.headers.authorization;
  if (verifyToken && authorization === undefined) {
    socket.close(CloseCode.Unauthorized, 'Unauthorized: send authorization in connection_init');
    return new Promise(() => undefined);
  }
  try {
    extra.identity = await authenticate(authorization, verifyToken);
  } catch (cause) {
    log.debug({ err: cause }, 'websocket refused');
    return false;
  }
  const forget = whenExpired(extra.identity, () => {
    socket.close(forbidden, 'token expired');
  });
  gone.signal.addEventListener('abort', forget, { once: true });
  return true;
}

/** Clients send the header's value or the token alone. */
function asBearer(value: string): string {
  return /^Bearer /i.test(value) ? value : `Bearer ${value}`;
}

function limitSubscriptions(
  { subscriptions }: Context<Record<string, unknown>, Connection>,
  { limits }: Engine,
): void {
  const max = limits.subscriptionsPerConnectionMax;
  if (Object.keys(subscriptions).length <= max) return;
  throw new ForgeError(
    'LIMIT_EXCEEDED',
    `One connection carries at most ${String(max)} operations at a time. Open another one.`,
  );
}

const emptySchema: ExecutionArgs['schema'] = {} as ExecutionArgs['schema'];

/** graphql-ws runs what it is given; the schema is not used, since nothing here executes locally. */
function executionArgs(prepared: Prepared): ExecutionArgs {
  const { document, operationName } = prepared.operation;
  return {
    schema: emptySchema,
    document,
    operationName: operationName ?? null,
    contextValue: prepared,
  };
}

function preparedIn({ contextValue }: ExecutionArgs): Prepared {
  return contextValue as Prepared;
}

/** Runs a query or mutation. One that was refused before it ran ends in an `error` message. */
async function run(
  { operation, request, caller, connection }: Prepared,
  engine: Engine,
): Promise<FormattedExecutionResult> {
  const signal = operation.kind === 'query' ? connection.gone.signal : new AbortController().signal;
  const result = await runOnce(engine, request, caller, signal);
  if (result.errors && !('data' in result)) {
    throw new RequestErrors(result.errors.map(asGraphQLError));
  }
  return result;
}

function open({ operation, request, caller, connection }: Prepared, { subscriptions }: Engine) {
  return subscriptions.open(operation, request, caller, connection.gone.signal);
}

type Answer = ExecutionResult | AsyncGenerator<ExecutionResult>;

/**
 * A failure to start becomes a stream that fails: the protocol turns it into
 * an `error` message. The errors of results are already masked.
 */
async function failing(start: () => Promise<FormattedExecutionResult | Events>): Promise<Answer> {
  try {
    return (await start()) as Answer;
  } catch (cause) {
    return eventsOf(Promise.reject<ExecutionResult>(asError(cause)));
  }
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
