import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, MessageType, parseMessage } from 'graphql-ws';
import type { PingMessage, SubscribeMessage } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { authenticate } from '../auth/auth.ts';
import type { Engine } from '../engine.ts';
import { maskThrown } from '../errors.ts';
import { receivedOperation } from '../operations/received.ts';
import { callerOf } from '../scope.ts';
import type { Forwarded } from '../subgraph-client/rules.ts';
import type { Beating } from './heartbeats.ts';
import { isSameCaller } from './token-refresh.ts';
import type { TokenHolder } from './token-watch.ts';
import { WebSocketOperation } from './websocket-operation.ts';

/** What the upgrade of a connection told, as far as it is needed later. */
export interface Upgrade {
  readonly authorization: string | undefined;
  readonly forwarded: Forwarded | undefined;
}

/** What of an upgrade's headers a connection keeps. */
export function upgradeOf(headers: IncomingHttpHeaders, engine: Engine): Upgrade {
  return { authorization: headers.authorization, forwarded: engine.forwarding(headers) };
}

interface Parts {
  readonly upgrade: Upgrade;
  readonly engine: Engine;
  readonly onClosed: (connection: WebSocketConnection) => void;
}

type State = 'new' | 'greeting' | 'greeted';

/**
 * One connection of the `graphql-transport-ws` protocol.
 *
 * Results are written as frames that all readers share, straight to the
 * connection below the library: it compresses nothing here, so what it sends and
 * what we do cannot get into each other.
 */
export class WebSocketConnection implements Beating, TokenHolder {
  identity: Identity | undefined;
  readonly #socket: WebSocket;
  readonly #duplex: Duplex;
  readonly #engine: Engine;
  readonly #operations = new Map<string, WebSocketOperation>();
  #upgrade: Upgrade;
  #state: State = 'new';
  #whenIdle: (() => void) | undefined;
  #initTimer: NodeJS.Timeout | undefined;
  #isGone = false;
  #unansweredSince: number | undefined;
  #stalledSince: number | undefined;

  constructor(socket: WebSocket, duplex: Duplex, { upgrade, engine, onClosed }: Parts) {
    this.#socket = socket;
    this.#duplex = duplex;
    this.#upgrade = upgrade;
    this.#engine = engine;
    this.#initTimer = setTimeout(() => {
      this.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout');
    }, initTimeoutMs).unref();
    duplex.on('drain', () => {
      for (const { subscription } of this.#operations.values()) subscription?.resume();
    });
    socket.on('message', (data: Buffer) => {
      this.#unansweredSince = undefined;
      this.#hear(data);
    });
    socket.on('pong', () => {
      this.#unansweredSince = undefined;
    });
    socket.on('error', (err) => {
      engine.log.debug({ err }, 'websocket error');
    });
    engine.heartbeats.add(this);
    socket.once('close', () => {
      this.#leave();
      engine.heartbeats.remove(this);
      onClosed(this);
    });
  }

  /** Whether an answer is on its way to a query or a mutation. */
  get isIdle(): boolean {
    for (const { isUnderWay } of this.#operations.values()) if (isUnderWay) return false;
    return true;
  }

  /** Calls back when the last of them is written. */
  whenIdle(callback: () => void): void {
    if (this.isIdle) callback();
    else this.#whenIdle = callback;
  }

  /** Closes the sources at once, whenever the client answers. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    this.#leave();
  }

  /** Calls back when the connection is closed, or at once when it is. */
  whenClosed(callback: () => void): void {
    if (this.#socket.readyState === this.#socket.CLOSED) callback();
    else this.#socket.once('close', callback);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Writes a message. What the client does not take soon waits in the socket's buffer. */
  send(message: object): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(JSON.stringify(message));
  }

  /** Writes a frame. False when the socket should be given no more for now. */
  write([first, second]: readonly [Buffer] | readonly [Buffer, Buffer]): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return true;
    if (!second) return this.#duplex.write(first);
    this.#duplex.cork();
    this.#duplex.write(first);
    const hasRoom = this.#duplex.write(second);
    this.#duplex.uncork();
    return hasRoom;
  }

  forget(operation: WebSocketOperation): void {
    if (this.#operations.get(operation.id) === operation) this.#operations.delete(operation.id);
    if (this.#whenIdle && this.isIdle) this.#whenIdle();
  }

  /**
   * Pings, and drops a client that answers none for too long, or takes nothing.
   * Between two turns of one connection there are those of all others, so what a
   * busy process reads late is read by then.
   */
  beat(): void {
    const { pongTimeoutMs, stallTimeoutMs } = this.#engine.limits;
    const now = performance.now();
    this.#stalledSince = this.#duplex.writableNeedDrain ? (this.#stalledSince ?? now) : undefined;
    if (this.#stalledSince !== undefined) {
      // A slow reader cannot answer pings that wait behind what it has not read.
      this.#unansweredSince = undefined;
      if (now - this.#stalledSince > stallTimeoutMs) this.terminate();
      return;
    }
    if (this.#unansweredSince !== undefined && now - this.#unansweredSince > pongTimeoutMs) {
      this.terminate();
      return;
    }
    this.#unansweredSince ??= now;
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  onTokenEnding(expiresAt: Date): void {
    this.send({ type: 'ping', payload: { type: 'token-expiring', expiresAt } });
  }

  onTokenEnded(): void {
    this.close(CloseCode.Forbidden, 'token expired');
  }

  #hear(data: Buffer): void {
    let message: ReturnType<typeof parseMessage>;
    try {
      message = parseMessage(data.toString('utf8'));
    } catch {
      this.close(CloseCode.BadRequest, 'Invalid message received');
      return;
    }
    switch (message.type) {
      case MessageType.ConnectionInit:
        void this.#greet(message.payload ?? {});
        break;
      case MessageType.Ping:
        void this.#answerPing(message);
        break;
      case MessageType.Pong:
        break;
      case MessageType.Subscribe:
        this.#subscribe(message);
        break;
      case MessageType.Complete:
        this.#operations.get(message.id)?.leave();
        break;
      default:
        this.close(CloseCode.BadRequest, 'A client does not send this message');
    }
  }

  async #greet(payload: Record<string, unknown>): Promise<void> {
    if (this.#state !== 'new') {
      this.close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests');
      return;
    }
    this.#state = 'greeting';
    this.#stopWaiting();
    const { verifyToken, log, tokens } = this.#engine;
    const given = payload['authorization'] ?? payload['Authorization'];
    const authorization = typeof given === 'string' ? asBearer(given) : this.#upgrade.authorization;
    this.#upgrade = { ...this.#upgrade, authorization: undefined };
    if (verifyToken && authorization === undefined) {
      this.close(CloseCode.Unauthorized, 'Unauthorized: send authorization in connection_init');
      return;
    }
    try {
      this.identity = await authenticate(authorization, verifyToken);
    } catch (cause) {
      log.debug({ err: cause }, 'websocket refused');
      this.close(CloseCode.Forbidden, 'Forbidden');
      return;
    }
    if (this.#isGone) return;
    this.#state = 'greeted';
    tokens.watch(this);
    this.send({ type: 'connection_ack' });
  }

  /** A ping that holds a token brings a new one. Every other is answered with what it holds. */
  async #answerPing({ payload }: PingMessage): Promise<void> {
    const { authorization, ...rest } = payload ?? {};
    if (typeof authorization !== 'string') {
      this.send({ type: 'pong', ...(payload ? { payload } : {}) });
      return;
    }
    const answer = await this.#refresh(asBearer(authorization));
    this.send({ type: 'pong', payload: { ...rest, ...answer } });
  }

  async #refresh(authorization: string): Promise<object> {
    const { verifyToken, tokens } = this.#engine;
    const caller = callerOf({}, this.identity, this.#engine);
    try {
      if (this.#state !== 'greeted' || !verifyToken) throw nothingToRefresh();
      const identity = await authenticate(authorization, verifyToken);
      if (!identity || !isSameCaller(this.identity, identity)) throw anotherCaller();
      this.identity = identity;
      if (!this.#isGone) tokens.watch(this);
      for (const { subscription } of [...this.#operations.values()]) subscription?.renew(identity);
      return { type: 'token-refreshed', expiresAt: identity.expiresAt };
    } catch (cause) {
      return { type: 'token-refused', errors: maskThrown(cause, caller) };
    }
  }

  #subscribe({ id, payload }: SubscribeMessage): void {
    if (this.#state !== 'greeted') {
      this.close(CloseCode.Unauthorized, 'Unauthorized');
      return;
    }
    if (this.#operations.has(id)) {
      this.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`);
      return;
    }
    const { operations, limits } = this.#engine;
    const caller = callerOf({ forwarded: this.#upgrade.forwarded }, this.identity, this.#engine);
    const operation = new WebSocketOperation(this, id);
    this.#operations.set(id, operation);
    try {
      if (this.#operations.size > limits.subscriptionsPerConnectionMax) {
        throw tooManyOperations(limits.subscriptionsPerConnectionMax);
      }
      const received = receivedOperation(payload);
      if (!received) throw new ForgeError('BAD_USER_INPUT', 'There is no "query".');
      const prepared = operations.prepare(received, this.identity);
      void operation.start(this.#engine, prepared, caller);
    } catch (cause) {
      operation.end(maskThrown(cause, caller));
    }
  }

  #stopWaiting(): void {
    clearTimeout(this.#initTimer);
    this.#initTimer = undefined;
  }

  #leave(): void {
    this.#isGone = true;
    this.#stopWaiting();
    this.#engine.tokens.forget(this);
    for (const operation of [...this.#operations.values()]) operation.leave();
  }
}

const initTimeoutMs = 10_000;

/** Clients send the header's value or the token alone. */
function asBearer(value: string): string {
  return /^Bearer /i.test(value) ? value : `Bearer ${value}`;
}

function nothingToRefresh(): ForgeError {
  return new ForgeError('BAD_USER_INPUT', 'This connection has no token yet.');
}

function anotherCaller(): ForgeError {
  return new ForgeError('FORBIDDEN', 'The new token is not of the same tenant and actor.');
}

function tooManyOperations(max: number): ForgeError {
  return new ForgeError(
    'LIMIT_EXCEEDED',
    `One connection carries at most ${String(max)} operations at a time. Open another one.`,
  );
}
