import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import type { Engine } from '../engine.ts';
import { jitteredRetryMs } from '../subscriptions/endings.ts';
import { upgradeOf, WebSocketConnection } from './websocket-connection.ts';

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
    // Results are written past the library, which is safe as long as it compresses nothing.
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: (offered) =>
      offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  });
  const connections = new Set<WebSocketConnection>();
  const onClosed = (connection: WebSocketConnection): void => {
    connections.delete(connection);
  };

  const upgrade = (request: IncomingMessage, duplex: Duplex, head: Buffer): void => {
    duplex.on('error', ignore);
    if (URL.parse(request.url ?? '/', 'http://gateway')?.pathname !== '/graphql') {
      refuse(duplex, '404 Not Found');
    } else if (!engine.verifyToken && isForeign(request)) {
      refuse(duplex, '403 Forbidden');
    } else {
      sockets.handleUpgrade(request, duplex, head, (socket) => {
        if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) {
          socket.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable');
          return;
        }
        const upgraded = upgradeOf(request.headers, engine);
        const parts = { upgrade: upgraded, engine, onClosed };
        connections.add(new WebSocketConnection(socket, duplex, parts));
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

/** The WebSocket tells of it as well. */
function ignore(): void {
  return undefined;
}

function refuse(duplex: Duplex, status: string): void {
  duplex.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** True for a page of another site, which without tokens could speak for whoever looks at it. */
function isForeign({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin !== undefined && URL.parse(origin)?.host !== host;
}

/** Closes one connection when its requests are answered, or at the deadline. */
async function restart(connection: WebSocketConnection, withinMs: number): Promise<void> {
  const left = new Promise<void>((resolve) => {
    connection.whenClosed(resolve);
  });
  await idle(connection, withinMs);
  connection.close(serviceRestart, `restarting, retry in ${String(jitteredRetryMs())} ms`);
  const terminate = setTimeout(
    () => {
      connection.terminate();
    },
    Math.min(withinMs, closingTimeoutMs),
  );
  await left;
  clearTimeout(terminate);
}

function idle(connection: WebSocketConnection, withinMs: number): Promise<void> {
  return new Promise<void>((resolve) => {
    const deadline = setTimeout(resolve, withinMs);
    connection.whenIdle(() => {
      clearTimeout(deadline);
      resolve();
    });
  });
}

const serviceRestart = 1012;
/** How long a client may take to answer a close, well under any sensible drain. */
const closingTimeoutMs = 3_000;
