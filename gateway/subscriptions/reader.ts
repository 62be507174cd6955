import type { GraphQLFormattedError } from 'graphql';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import type { Limits } from '../limits/limits.ts';
import type { Delivery, Notices } from './delivery.ts';

/** The end of a transport at which one reader takes results. */
export interface Sink {
  /** Writes a result. False asks for no more until `resume`. */
  write(delivery: Delivery, notices: Notices | undefined): boolean;
  /** The last thing that is written: errors when the stream broke, nothing when it is complete. */
  end(errors: readonly GraphQLFormattedError[] | undefined): void;
}

/** How many results a reader was given, how many it lost, and how it ended. */
export interface ReaderTally {
  readonly delivered: number;
  readonly lost: number;
  readonly errors: readonly GraphQLFormattedError[] | undefined;
}

/** What holds for every reader; shared by all of them. */
export interface ReaderRules {
  /** How much may wait for one reader. */
  readonly limits: Pick<Limits, 'queuedResultsMax' | 'queuedCharactersMax'>;
  readonly onDropped: () => void;
}

/**
 * One reader of a stream that may have others.
 *
 * What a slow reader has not taken waits in a queue that is bounded by count and
 * by size. Beyond that an older state of the same entity gives way to the newer
 * one, and else the oldest result; the next result that is written says how many
 * were lost in `extensions.gap`.
 */
export class Reader {
  /** Who began to read; a new token changes neither the tenant nor the actor. */
  readonly identity: Identity | undefined;
  #delivered = 0;
  #lost = 0;
  readonly #sink: Sink;
  readonly #rules: ReaderRules;
  #queue: Delivery[] | undefined;
  #characters = 0;
  #dropped = 0;
  #hasRoom = true;
  #ending: { readonly errors: readonly GraphQLFormattedError[] | undefined } | undefined;

  constructor(sink: Sink, identity: Identity | undefined, rules: ReaderRules) {
    this.identity = identity;
    this.#sink = sink;
    this.#rules = rules;
  }

  /** What became of the results that were made for it. */
  get tally(): ReaderTally {
    return { delivered: this.#delivered, lost: this.#lost, errors: this.#ending?.errors };
  }

  /** Whether the reader has taken everything and would take more at once. */
  get isReady(): boolean {
    return this.#hasRoom;
  }

  take(delivery: Delivery): void {
    if (this.#ending) return;
    if (this.#hasRoom) this.#write(delivery);
    else this.#enqueue(delivery);
  }

  /** The transport has room again: gives it what waits, as far as it goes. */
  resume(): void {
    this.#hasRoom = true;
    for (let next = this.#queue?.shift(); next; next = this.#queue?.shift()) {
      this.#characters -= next.json.length;
      if (!this.#write(next)) return;
    }
    this.#queue = undefined;
    if (this.#ending) this.#sink.end(this.#ending.errors);
  }

  /** Ends behind what waits for the reader. */
  end(errors: readonly GraphQLFormattedError[] | undefined): void {
    if (this.#ending) return;
    this.#ending = { errors };
    if (!this.#queue) this.#sink.end(errors);
  }

  #write(delivery: Delivery): boolean {
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#delivered += 1;
    this.#hasRoom = this.#sink.write(delivery, dropped > 0 ? { gap: { dropped } } : undefined);
    return this.#hasRoom;
  }

  #enqueue(delivery: Delivery): void {
    const queue = (this.#queue ??= []);
    const { queuedResultsMax, queuedCharactersMax } = this.#rules.limits;
    const { length } = delivery.json;
    while (
      queue.length > 0 &&
      (queue.length >= queuedResultsMax || this.#characters + length > queuedCharactersMax)
    ) {
      this.#drop(queue, delivery);
    }
    queue.push(delivery);
    this.#characters += length;
  }

  #drop(queue: Delivery[], { entity }: Delivery): void {
    const same = entity === undefined ? -1 : queue.findIndex((one) => one.entity === entity);
    const [given] = queue.splice(Math.max(same, 0), 1);
    this.#characters -= given?.json.length ?? 0;
    this.#dropped += 1;
    this.#lost += 1;
    this.#rules.onDropped();
  }
}
