import type { ExecutionResult, GraphQLFormattedError } from 'graphql';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { maskThrown } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { PreparedOperation } from '../operations/operation.ts';
import type { Caller } from '../scope.ts';
import { scopeOf } from '../scope.ts';
import type { GatewayMetrics } from '../telemetry.ts';
import type { Plan } from './plan.ts';
import type { Reader } from './reader.ts';

/** Readers who get the same: one operation, asked with the same rights. */
export interface View {
  readonly operation: PreparedOperation;
  /** Who asks, with the token that ends last. */
  caller: Caller;
  plan: Plan;
  readonly readers: Set<Reader>;
}

export interface FeedParts {
  readonly limits: Limits;
  readonly metrics: GatewayMetrics;
  /** Is called when a reader is no longer one, for whatever reason. */
  readonly onLeft: (reader: Reader) => void;
  readonly onClosed: (feed: Feed) => void;
}

/**
 * One stream of a subgraph, for all who read the same from it.
 *
 * An event is completed once and handed to everybody; the next one is read when
 * some reader has taken all there was, so the fastest sets the pace and a reader
 * alone slows its source. Nobody joins once the first event is there: whoever
 * comes later would miss what a stream of its own begins with. When the last
 * reader leaves, the source is closed at once.
 */
export class Feed {
  /** Settles when the subgraph has taken or refused the request. */
  readonly opened: Promise<void>;
  readonly sourceKey: string;
  readonly views = new Set<View>();
  readonly openedFor: Caller;
  readonly #parts: FeedParts;
  readonly #controller = new AbortController();
  readonly #subgraph: string;
  readonly #joinableUntil: number;
  #hasBegun = false;
  #wake: (() => void) | undefined;

  constructor(view: View, parts: FeedParts) {
    this.#parts = parts;
    this.openedFor = view.caller;
    this.sourceKey = view.plan.sourceKey;
    this.#subgraph = view.plan.client.name;
    this.#joinableUntil = performance.now() + joinableMs;
    this.views.add(view);
    this.opened = this.#open(view);
  }

  get isJoinable(): boolean {
    return !this.#hasBegun && !this.isClosed && performance.now() < this.#joinableUntil;
  }

  get isClosed(): boolean {
    return this.#controller.signal.aborted;
  }

  add(view: View, reader: Reader): void {
    this.views.add(view);
    view.readers.add(reader);
    this.#parts.metrics.streamOpened(this.#subgraph);
    this.wake();
  }

  /** Lets go of a reader; of the source as well when it was the last. */
  remove(view: View, reader: Reader): void {
    if (!view.readers.delete(reader)) return;
    this.#parts.metrics.streamClosed(this.#subgraph);
    this.#parts.onLeft(reader);
    if (view.readers.size === 0) this.views.delete(view);
    if (this.views.size === 0) this.#close();
    else this.wake();
  }

  /** Lets a reader read another view of the same stream. */
  move(reader: Reader, from: View, to: View): void {
    from.readers.delete(reader);
    to.readers.add(reader);
    this.views.add(to);
    if (from.readers.size === 0) this.views.delete(from);
  }

  /** Ends the stream for all who read one view. */
  end(view: View, errors: readonly GraphQLFormattedError[] | undefined): void {
    for (const reader of [...view.readers]) {
      reader.end(errors);
      this.remove(view, reader);
    }
  }

  /** Says that a reader may have room again. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async #open(view: View): Promise<void> {
    const { client, request } = view.plan;
    const { requestTimeoutMs } = this.#parts.limits;
    try {
      const scope = scopeOf(this.openedFor, this.#controller.signal, requestTimeoutMs);
      const source = await client.subscribe(request, scope);
      this.#parts.metrics.sourceOpened(this.#subgraph);
      void this.#pump(source[Symbol.asyncIterator]());
    } catch (cause) {
      this.#fail(cause);
    }
  }

  async #pump(events: AsyncIterator<ExecutionResult>): Promise<void> {
    const { signal } = this.#controller;
    const leave = (): void => {
      this.#parts.metrics.sourceClosed(this.#subgraph);
      events.return?.().catch(() => undefined);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    try {
      while (await this.#isWanted()) {
        const event = await events.next();
        this.#hasBegun = true;
        if (this.isClosed) return;
        if (event.done) {
          for (const view of this.views) this.end(view, undefined);
          return;
        }
        await this.#deliver(event.value);
      }
    } catch (cause) {
      this.#fail(cause);
    }
  }

  /** Waits until some reader has taken everything. False when there is no reader left. */
  async #isWanted(): Promise<boolean> {
    while (!this.isClosed) {
      if (this.#hasReadyReader()) return true;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return false;
  }

  #hasReadyReader(): boolean {
    for (const { readers } of this.views) {
      for (const reader of readers) if (reader.isReady) return true;
    }
    return false;
  }

  async #deliver(event: ExecutionResult): Promise<void> {
    const views = [...this.views];
    await Promise.all(
      views.map((view, index) =>
        // Completing an event changes it, so each view but the last has its own.
        this.#deliverTo(view, index < views.length - 1 ? structuredClone(event) : event),
      ),
    );
  }

  async #deliverTo(view: View, event: ExecutionResult): Promise<void> {
    const { limits, metrics } = this.#parts;
    const scope = scopeOf(view.caller, this.#controller.signal, limits.eventTimeoutMs);
    const delivery = await view.plan.complete(event, scope);
    metrics.event(this.#subgraph, view.readers.size);
    for (const reader of view.readers) reader.take(delivery);
  }

  #fail(cause: unknown): void {
    if (this.isClosed) return;
    const errors = maskThrown(cause, this.openedFor);
    for (const view of this.views) this.end(view, errors);
  }

  #close(): void {
    if (this.isClosed) return;
    this.#controller.abort(new Error('The last reader has left'));
    this.wake();
    this.#parts.onClosed(this);
  }
}

/**
 * A subgraph believes a signed identity for a minute. Whoever joins within that
 * is let in by a check that is no older than one of its own could be.
 */
const joinableMs = 60_000;

/** The one of two identities of the same actor whose token ends later. */
export function laterOf(
  one: Identity | undefined,
  other: Identity | undefined,
): Identity | undefined {
  if (!one || !other) return one ?? other;
  return other.expiresAt > one.expiresAt ? other : one;
}
