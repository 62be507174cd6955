import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventOf } from './graph.ts';
import type { JobEvent } from './graph.ts';

/** What the benchmark tells a server to do. */
export type Order = { readonly event: number } | { readonly collect: true };

/** The events of one job: each reader gets those that happen from when it comes. */
export class Happenings {
  readonly #readers = new Set<(event: JobEvent) => void>();
  /** The sequence of the last event. */
  seq = 0;

  happen(seq: number): void {
    this.seq = seq;
    const event = eventOf(seq);
    for (const reader of this.#readers) reader(event);
  }

  /** An iterator without more than it needs, so that it weighs little in what is measured. */
  read(signal?: AbortSignal): AsyncIterableIterator<JobEvent> {
    const waiting: JobEvent[] = [];
    let take: ((result: IteratorResult<JobEvent>) => void) | undefined;
    const reader = (event: JobEvent): void => {
      if (take) take({ done: false, value: event });
      else waiting.push(event);
      take = undefined;
    };
    const leave = (): Promise<IteratorResult<JobEvent>> => {
      this.#readers.delete(reader);
      take?.({ done: true, value: undefined });
      return Promise.resolve({ done: true, value: undefined });
    };
    this.#readers.add(reader);
    signal?.addEventListener('abort', () => void leave(), { once: true });
    return {
      next() {
        const event = waiting.shift();
        if (event) return Promise.resolve({ done: false, value: event });
        return new Promise((resolve) => {
          take = resolve;
        });
      },
      return: leave,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

/** Lets the benchmark say when something happens, and when memory is looked at. */
export function takeOrders(happenings: Happenings): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('message', (order: Order) => {
    if ('event' in order) {
      happenings.happen(order.event);
      return;
    }
    collect();
    process.send?.({ collected: true });
  });
  process.once('disconnect', () => process.exit(0));
}
