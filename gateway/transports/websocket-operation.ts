import type { GraphQLFormattedError } from 'graphql';
import type { Engine } from '../engine.ts';
import { runOnce } from '../engine.ts';
import { maskThrown } from '../errors.ts';
import type { OperationRequest, PreparedOperation } from '../operations/operation.ts';
import type { Caller } from '../scope.ts';
import type { Delivery, Notices } from '../subscriptions/delivery.ts';
import type { Sink } from '../subscriptions/reader.ts';
import type { Subscription } from '../subscriptions/subscriptions.ts';
import type { WebSocketConnection } from './websocket-connection.ts';
import { nextFrame, tailOf } from './websocket-frames.ts';

/** One operation of a connection, from its `subscribe` message to its end. */
export class WebSocketOperation implements Sink {
  readonly id: string;
  readonly #connection: WebSocketConnection;
  readonly #tail: Buffer;
  /** Undefined until a subscription is open, and for queries and mutations. */
  subscription: Subscription | undefined;
  /** Whether an answer is on its way that a restart waits for. */
  isUnderWay = false;
  #isOver = false;
  /** Aborts when the client leaves before there is a subscription or an answer. */
  #gone: AbortController | undefined;

  constructor(connection: WebSocketConnection, id: string) {
    this.#connection = connection;
    this.id = id;
    this.#tail = tailOf(id);
  }

  write(delivery: Delivery, notices: Notices | undefined): boolean {
    return this.#connection.write(nextFrame(delivery, notices, this.#tail));
  }

  end(errors: readonly GraphQLFormattedError[] | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { id } = this;
    if (errors) this.#connection.send({ id, type: 'error', payload: errors });
    else this.#connection.send({ id, type: 'complete' });
    this.#connection.forget(this);
  }

  /** The client wants no more of it. */
  leave(): void {
    this.#isOver = true;
    this.#gone?.abort(new Error('The client has left'));
    this.subscription?.leave();
    this.#connection.forget(this);
  }

  async start(engine: Engine, operation: PreparedOperation, caller: Caller): Promise<void> {
    const gone = new AbortController();
    this.#gone = gone;
    this.isUnderWay = operation.kind !== 'subscription';
    try {
      const bytes = lengthOf(operation.request);
      const leave = await engine.admission.enter(caller.identity, bytes, gone.signal);
      // A mutation whose client leaves from here on still comes to its end.
      const signal = operation.kind === 'mutation' ? new AbortController().signal : gone.signal;
      try {
        if (this.isUnderWay) await this.#answer(engine, operation, caller, signal);
        else if (!this.#isOver) await this.#subscribe(engine, operation, caller);
      } finally {
        leave();
      }
    } catch (cause) {
      this.end(maskThrown(cause, caller));
    }
    this.#gone = undefined;
  }

  #subscribe(engine: Engine, operation: PreparedOperation, caller: Caller): Promise<void> {
    const subscription = engine.subscriptions.open(operation, caller, this);
    this.subscription = subscription;
    return subscription.opened;
  }

  /** One that was refused before it ran ends in an `error` message. */
  async #answer(
    engine: Engine,
    operation: PreparedOperation,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<void> {
    const result = await engine.tracing.span(
      'graphql',
      caller.traceparent,
      { 'forge.request_id': caller.requestId },
      (traceparent) => runOnce(engine, operation, { ...caller, traceparent }, signal),
    );
    if (this.#isOver) return;
    if (result.errors && !('data' in result)) {
      this.end(result.errors);
      return;
    }
    this.#connection.send({ id: this.id, type: 'next', payload: result });
    this.end(undefined);
  }
}

/** About how long a message was; its variables are in memory by now and are counted as a text's. */
function lengthOf({ query, variables }: OperationRequest): number {
  return query.length + (variables ? JSON.stringify(variables).length : 0);
}
