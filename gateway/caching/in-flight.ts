import type { CacheStats } from './kept.ts';

interface Flight<T> {
  readonly answer: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Lets those who ask the same at the same time wait for one execution.
 *
 * It goes on until the last of them has left, and each who leaves gets nothing
 * more. Who asks after a change of their tenant has come to its end waits for
 * nothing that was begun before it: it might not show the change.
 */
export class InFlight<T> {
  readonly #flights = new Map<string, Map<string, Flight<T>>>();
  #joined = 0;
  #begun = 0;

  /** Hits have waited for the execution of another. */
  get stats(): CacheStats {
    const entries = [...this.#flights.values()].reduce((sum, { size }) => sum + size, 0);
    return { entries, bytes: 0, hits: this.#joined, misses: this.#begun };
  }

  /** `start` is given the signal that aborts when nobody waits any more. */
  join(
    tenant: string,
    key: string,
    signal: AbortSignal,
    start: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const flights = this.#flights.get(tenant) ?? new Map<string, Flight<T>>();
    this.#flights.set(tenant, flights);
    const known = flights.get(key);
    if (known) this.#joined += 1;
    else this.#begun += 1;
    const flight = known ?? this.#begin(tenant, key, flights, start);
    return waited(flight, signal);
  }

  /** Nobody joins what is under way for a tenant from now on. */
  changed(tenant: string): void {
    this.#flights.delete(tenant);
  }

  #begin(
    tenant: string,
    key: string,
    flights: Map<string, Flight<T>>,
    start: (signal: AbortSignal) => Promise<T>,
  ): Flight<T> {
    const controller = new AbortController();
    const land = (): void => {
      if (flights.get(key) === flight) flights.delete(key);
      if (flights.size === 0 && this.#flights.get(tenant) === flights) this.#flights.delete(tenant);
    };
    const answer = start(controller.signal).finally(land);
    // Those who wait are told; there may be none of them any more.
    answer.catch(() => undefined);
    const flight: Flight<T> = { answer, controller, waiting: 0 };
    flights.set(key, flight);
    // Nobody joins what is being given up.
    controller.signal.addEventListener('abort', land, { once: true });
    return flight;
  }
}

/** Waits for an execution until one's own signal aborts. */
function waited<T>(flight: Flight<T>, signal: AbortSignal): Promise<T> {
  flight.waiting += 1;
  return new Promise<T>((resolve, reject) => {
    const left = (): void => {
      flight.waiting -= 1;
      const reason: unknown = signal.reason;
      if (flight.waiting === 0) flight.controller.abort(reason);
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    if (signal.aborted) {
      left();
      return;
    }
    signal.addEventListener('abort', left, { once: true });
    flight.answer
      .finally(() => {
        signal.removeEventListener('abort', left);
      })
      .then(resolve, reject);
  });
}
