import type { GraphQLFormattedError } from 'graphql';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { maskThrown } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Operations, PreparedOperation } from '../operations/operation.ts';
import type { Caller } from '../scope.ts';
import type { ServedGraph, ServedGraphs } from '../served-graphs.ts';
import { logSubscription } from '../operation-log.ts';
import type { GatewayMetrics } from '../telemetry.ts';
import { graphChanged, rightsChanged } from './endings.ts';
import { Feed, laterOf } from './feed.ts';
import type { View } from './feed.ts';
import { Places } from './places.ts';
import type { Plan } from './plan.ts';
import { planSubscription } from './plan.ts';
import { Reader } from './reader.ts';
import type { ReaderRules, Sink } from './reader.ts';
import { holdsAllOf, shareKey } from './shares.ts';

/** One subscriber's hold on its subscription. */
export interface Subscription {
  /** Settles when the subgraph has taken or refused the request. Never rejects. */
  readonly opened: Promise<void>;
  /** The transport has room again. */
  resume(): void;
  /** Nobody reads any more. The source closes at once when this was its last reader. */
  leave(): void;
  /**
   * Goes on with a new token of the same actor. Rights that are added are used
   * from the next event on. The stream ends when the actor may not read it any
   * more, and when rights are gone that it was opened with: nobody can tell
   * whether the subgraph would still open it, so it has to be asked again.
   */
  renew(identity: Identity): void;
}

export interface Subscriptions {
  /**
   * Opens a subscription: its root field's events from the subgraph that owns
   * it, each completed by the other subgraphs, in the order they came.
   *
   * Subscribers for whom every answer is the same share one stream and one
   * execution of each event. A subgraph that fails to complete an event leaves
   * an error at its fields and the stream goes on. A newer supergraph takes over
   * between two events; a subscription that it cannot go on with ends with an
   * error. Throws RequestErrors or a ForgeError when nothing can be opened.
   */
  open(operation: PreparedOperation, caller: Caller, sink: Sink): Subscription;
}

export interface SubscriptionParts {
  readonly graphs: ServedGraphs;
  readonly operations: Operations;
  readonly limits: Limits;
  readonly metrics: GatewayMetrics;
}

export function subscriptions(parts: SubscriptionParts): Subscriptions {
  const registry = new Registry(parts);
  parts.graphs.onReplaced((graph) => {
    void registry.moveTo(graph);
  });
  return registry;
}

class Registry implements Subscriptions {
  readonly #parts: SubscriptionParts;
  readonly #places: Places;
  readonly #readerRules: ReaderRules;
  readonly #feeds = new Set<Feed>();
  readonly #whenLeft = new Map<Reader, () => void>();
  /** Those that were opened on the graph that is served. */
  readonly #byKey = new Map<string, { readonly feed: Feed; readonly view: View }>();

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#places = new Places(parts.limits);
    this.#readerRules = { limits: parts.limits, onDropped: parts.metrics.dropped };
  }

  open(operation: PreparedOperation, caller: Caller, sink: Sink): Subscription {
    const plan = this.plan(this.#parts.graphs.current, operation, caller);
    this.#places.take(caller.identity);
    const reader = new Reader(sink, caller.identity, this.#readerRules);
    const { feed, view } = this.#shared(operation, caller, plan);
    const startedMs = performance.now();
    this.#whenLeft.set(reader, () => {
      logSubscription({ operation, caller, startedMs }, reader.tally);
    });
    feed.add(view, reader);
    return new Hold(this, feed, view, reader);
  }

  plan(graph: ServedGraph, operation: PreparedOperation, caller: Caller): Plan {
    return planSubscription(graph, this.#parts.operations, operation, caller);
  }

  /** Plans once more, for somebody whose document was counted when it came. */
  planAgain(operation: PreparedOperation, caller: Caller): Plan {
    const { graphs, operations } = this.#parts;
    const uncounted: Pick<Operations, 'validate' | 'countPlan'> = {
      validate: (schema, document) => {
        operations.validate(schema, document);
      },
      countPlan: () => undefined,
    };
    return planSubscription(graphs.current, uncounted, operation, caller);
  }

  /** Moves every stream to a graph that has just taken the place of the last, some at a time. */
  async moveTo(graph: ServedGraph): Promise<void> {
    this.#byKey.clear();
    let moved = 0;
    for (const feed of [...this.#feeds]) {
      if (this.#parts.graphs.current !== graph) return;
      for (const view of [...feed.views]) this.#move(feed, view);
      moved += 1;
      if (moved % movedAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #move(feed: Feed, view: View): void {
    try {
      const plan = this.planAgain(view.operation, view.caller);
      if (plan.sourceKey === feed.sourceKey) view.plan = plan;
      else feed.end(view, maskThrown(graphChanged(), view.caller));
    } catch (cause) {
      feed.end(view, maskThrown(cause, view.caller));
    }
  }

  #shared(operation: PreparedOperation, caller: Caller, plan: Plan): { feed: Feed; view: View } {
    const key = shareKey(operation, operation.request.variables, caller);
    const known = this.#byKey.get(key);
    if (known?.feed.isJoinable) {
      const { view } = known;
      view.caller = { ...view.caller, identity: laterOf(view.caller.identity, caller.identity) };
      return known;
    }
    const view: View = { operation, caller, plan, readers: new Set() };
    const feed = new Feed(view, {
      ...this.#parts,
      onLeft: (reader) => {
        this.#places.leave(reader.identity);
        this.#whenLeft.get(reader)?.();
        this.#whenLeft.delete(reader);
      },
      onClosed: (closed) => {
        this.#feeds.delete(closed);
        if (this.#byKey.get(key)?.feed === closed) this.#byKey.delete(key);
      },
    });
    this.#feeds.add(feed);
    const shared = { feed, view };
    this.#byKey.set(key, shared);
    return shared;
  }
}

const movedAtOnce = 50;

class Hold implements Subscription {
  readonly #registry: Registry;
  readonly #feed: Feed;
  readonly #reader: Reader;
  #view: View;

  constructor(registry: Registry, feed: Feed, view: View, reader: Reader) {
    this.#registry = registry;
    this.#feed = feed;
    this.#view = view;
    this.#reader = reader;
  }

  get opened(): Promise<void> {
    return this.#feed.opened;
  }

  resume(): void {
    this.#reader.resume();
    this.#feed.wake();
  }

  leave(): void {
    this.#feed.remove(this.#view, this.#reader);
  }

  renew(identity: Identity): void {
    const { caller } = this.#view;
    const before = caller.identity;
    if (!before || !this.#view.readers.has(this.#reader)) return;
    const renewed = { ...caller, identity };
    if (holdsAllOf(identity, before) && holdsAllOf(before, identity)) {
      this.#view.caller = { ...caller, identity: laterOf(before, identity) };
    } else {
      this.#judgeAgain(renewed);
    }
  }

  #judgeAgain(caller: Caller): void {
    const { operation } = this.#view;
    try {
      const plan = this.#registry.planAgain(operation, caller);
      const opened = this.#feed.openedFor.identity;
      const mayGoOn = opened && caller.identity && holdsAllOf(caller.identity, opened);
      if (!mayGoOn || plan.sourceKey !== this.#feed.sourceKey) throw rightsChanged();
      const from = this.#view;
      this.#view = { operation, caller, plan, readers: new Set() };
      this.#feed.move(this.#reader, from, this.#view);
    } catch (cause) {
      this.#end(maskThrown(cause, caller));
    }
  }

  #end(errors: readonly GraphQLFormattedError[]): void {
    this.#reader.end(errors);
    this.leave();
  }
}
