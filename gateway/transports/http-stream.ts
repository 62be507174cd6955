import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { GraphQLFormattedError } from 'graphql';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { tokenExpired } from '../auth/auth.ts';
import type { Engine } from '../engine.ts';
import { maskThrown } from '../errors.ts';
import type { Caller } from '../scope.ts';
import type { Delivery, Notices } from '../subscriptions/delivery.ts';
import type { Sink } from '../subscriptions/reader.ts';
import type { Subscription } from '../subscriptions/subscriptions.ts';
import type { Beating } from './heartbeats.ts';
import type { OpenStreams } from './open-streams.ts';
import type { TokenHolder } from './token-watch.ts';

/** How one protocol writes results onto an HTTP response. */
export interface StreamFormat {
  readonly contentType: string;
  /** Written at once, so that clients and proxies know the stream is open. */
  readonly opening: string;
  readonly heartbeat: string;
  /** Written in place of a heartbeat when the token ends soon. */
  expiring(expiresAt: string): string;
  event(json: string): string;
  /** The stream ends by a failure, not because it is complete. */
  fatal(errors: readonly GraphQLFormattedError[]): string;
  readonly end: string;
}

export interface StreamParts {
  readonly engine: Pick<Engine, 'limits' | 'heartbeats' | 'tokens'>;
  readonly open: OpenStreams;
  readonly caller: Caller;
  readonly format: StreamFormat;
}

/**
 * Writes results to a response until the operation ends or the client leaves;
 * leaving closes the source at once.
 *
 * The head and a first byte are written before anything is known of the
 * operation. The stream ends with its caller's token, unless a new one comes for
 * the id that the head tells.
 */
export class HttpStream implements Sink, Beating, TokenHolder {
  readonly id: string = randomUUID();
  identity: Identity | undefined;
  readonly #response: ServerResponse;
  readonly #parts: StreamParts;
  #subscription: Subscription | undefined;
  #expiresAt: string | undefined;
  #isOver = false;
  #stalledSince: number | undefined;

  constructor(response: ServerResponse, parts: StreamParts) {
    this.#response = response;
    this.#parts = parts;
    const { caller, engine, open, format } = parts;
    this.identity = caller.identity;
    engine.heartbeats.add(this);
    response.writeHead(200, {
      'content-type': format.contentType,
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      ...(this.identity ? { 'x-stream-id': this.id } : {}),
      ...(this.identity ? { 'x-token-expires-at': this.identity.expiresAt.toISOString() } : {}),
    });
    response.write(format.opening);
    response.on('drain', () => this.#subscription?.resume());
    response.once('close', () => {
      this.#leave();
    });
    engine.tokens.watch(this);
    open.add(this);
    if (response.destroyed) this.#leave();
  }

  /** Reads from a subscription, unless the client has left while it was opened. */
  reads(subscription: Subscription): void {
    this.#subscription = subscription;
    if (this.#isOver) subscription.leave();
  }

  write(delivery: Delivery, notices: Notices | undefined): boolean {
    const { format } = this.#parts;
    const tokenExpiresAt = this.#expiresAt;
    if (tokenExpiresAt !== undefined) {
      const { id: streamId } = this;
      const told = { ...notices, tokenExpiresAt, streamId };
      return this.#response.write(format.event(delivery.jsonWith(told)));
    }
    if (notices) return this.#response.write(format.event(delivery.jsonWith(notices)));
    return this.#response.write(delivery.bytes(format, (json) => Buffer.from(format.event(json))));
  }

  end(errors: readonly GraphQLFormattedError[] | undefined): void {
    if (this.#isOver) return;
    const { format } = this.#parts;
    this.#leave();
    this.#response.end(errors ? format.fatal(errors) : format.end);
  }

  /** Ends the stream by a failure. */
  fail(reason: unknown): void {
    this.end(maskThrown(reason, this.#parts.caller));
  }

  /** Goes on with a new token of the same caller. */
  renew(identity: Identity): void {
    this.identity = identity;
    this.#expiresAt = undefined;
    this.#parts.engine.tokens.watch(this);
    this.#subscription?.renew(identity);
  }

  /** Says that the stream is alive; cuts a client that takes nothing for too long. */
  beat(): void {
    const { engine, format } = this.#parts;
    if (!this.#response.writableNeedDrain) {
      this.#stalledSince = undefined;
      this.#response.write(format.heartbeat);
      return;
    }
    const now = performance.now();
    this.#stalledSince ??= now;
    if (now - this.#stalledSince > engine.limits.stallTimeoutMs) this.#response.destroy();
  }

  onTokenEnding(expiresAt: Date): void {
    this.#expiresAt = expiresAt.toISOString();
    if (!this.#response.writableNeedDrain) {
      this.#response.write(this.#parts.format.expiring(this.#expiresAt));
    }
  }

  onTokenEnded(): void {
    this.fail(tokenExpired());
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { engine, open } = this.#parts;
    engine.heartbeats.remove(this);
    engine.tokens.forget(this);
    open.delete(this);
    this.#subscription?.leave();
  }
}
