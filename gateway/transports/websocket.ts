import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Engine } from '../engine.ts';
import type { Limits } from '../limits/limits.ts';
import { webSocketProtocol } from './websocket-protocol.ts';
import type { Connection } from './websocket-protocol.ts';

export interface WebSockets {
  /**
   * Asks every client to come back, each after another while. Queries and
   * mutations that are under way are answered first, within the deadline.
   */
  close(withinMs: number): Promise<void>;
}

/** Serves the `graphql-transport-ws` protocol on upgrades of `/graphql`. */
export function serveWebSockets(server: Server, engine: Engine): WebSockets {
  const { limits } = engine;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.bodyBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) =>
      offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  });
  const protocol = webSocketProtocol(engine);
  const connections = new Set<Connection>();

  const upgrade = (request: IncomingMessage, duplex: Duplex, head: Buffer): void => {
    duplex.on('error', () => undefined);
    if (URL.parse(request.url ?? '/', 'http://gateway')?.pathname !== '/graphql') {
      refuse(duplex, '404 Not Found');
    } else if (!engine.verifyToken && isForeign(request)) {
      refuse(duplex, '403 Forbidden');
    } else {
      sockets.handleUpgrade(request, duplex, head, (socket) => {
        const connection: Connection = {
          socket,
          request,
          gone: new AbortController(),
          callers: new Map(),
          underWay: new Set(),
        };
        connections.add(connection);
        socket.once('close', () => {
          connections.delete(connection);
        });
        serve(protocol, connection, engine);
      });
    }
  };
  server.on('upgrade', upgrade);

  return {
    async close(withinMs) {
      server.off('upgrade', upgrade);
      await Promise.all([...connections].map((connection) => restart(connection, withinMs)));
    },
  };
}

function refuse(duplex: Duplex, status: string): void {
  duplex.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** True for a page of another site, which without tokens could speak for whoever looks at it. */
function isForeign({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin !== undefined && URL.parse(origin)?.host !== host;
}

/** Closes one connection when its requests are answered, or at the deadline. */
async function restart(connection: Connection, withinMs: number): Promise<void> {
  const { socket } = connection;
  const left = new Promise((resolve) => socket.once('close', resolve));
  await idle(connection, withinMs);
  socket.close(serviceRestart, `restarting, retry in ${String(jitteredRetryMs())} ms`);
  const terminate = setTimeout(
    () => {
      socket.terminate();
    },
    Math.min(withinMs, closingTimeoutMs),
  );
  await left;
  clearTimeout(terminate);
}

async function idle(connection: Connection, withinMs: number): Promise<void> {
  if (connection.underWay.size === 0) return;
  await new Promise<void>((resolve) => {
    const deadline = setTimeout(resolve, withinMs);
    connection.whenIdle = () => {
      clearTimeout(deadline);
      // The last answer's `complete` is written within this turn.
      setImmediate(resolve);
    };
  });
}

const serviceRestart = 1012;
const retryMsMax = 5_000;
/** How long a client may take to answer a close, well under any sensible drain. */
const closingTimeoutMs = 3_000;

/** Spreads the clients' return, so that they do not all come at once. */
export function jitteredRetryMs(): number {
  return 200 + Math.floor(Math.random() * retryMsMax);
}

/** Binds one socket to the protocol. */
function serve(
  protocol: ReturnType<typeof webSocketProtocol>,
  connection: Connection,
  { limits, log }: Engine,
): void {
  const { socket, gone } = connection;
  const stopHeartbeat = beat(socket, limits);
  socket.on('error', (err) => {
    log.debug({ err }, 'websocket error');
  });
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (data) => send(socket, data),
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
    stopHeartbeat();
    gone.abort(new Error('The client has left'));
    closed(code, reason.toString()).catch((err: unknown) => {
      log.error({ err }, 'websocket close failed');
    });
  });
}

/** Settles when the bytes are with the system, so a slow reader is waited for. */
function send(socket: WebSocket, data: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.readyState !== socket.OPEN) {
      resolve();
      return;
    }
    socket.send(data, (error) => {
      if (error && socket.readyState === socket.OPEN) reject(error);
      else resolve();
    });
  });
}

/** Pings, and drops a client that does not answer or takes nothing for too long. */
function beat(socket: WebSocket, { heartbeatMs, stallTimeoutMs }: Limits): () => void {
  let alive = true;
  let stalledMs = 0;
  socket.on('pong', () => {
    alive = true;
  });
  const timer = setInterval(() => {
    // A slow reader cannot answer pings that wait behind what it has not read.
    stalledMs = socket.bufferedAmount > 0 ? stalledMs + heartbeatMs : 0;
    if (stalledMs > stallTimeoutMs || (stalledMs === 0 && !alive)) {
      socket.terminate();
    } else if (stalledMs > 0) {
      alive = true;
    } else {
      alive = false;
      socket.ping();
    }
  }, heartbeatMs);
  return () => {
    clearInterval(timer);
  };
}
