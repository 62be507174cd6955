/** How full a cache is, and how often what was looked for was there. */
export interface CacheStats {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
}

/**
 * Keeps what was used most recently, up to a sum of weights in bytes, so that a
 * flood of new things costs no more memory than a few large ones.
 */
export class Kept<V extends object> implements CacheStats {
  readonly #entries = new Map<string, { readonly value: V; readonly weight: number }>();
  readonly #bytesMax: number;
  readonly #dropped: ((value: V) => void) | undefined;
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  /** `dropped` is told of what is not kept any more. */
  constructor(bytesMax: number, dropped?: (value: V) => void) {
    this.#bytesMax = bytesMax;
    this.#dropped = dropped;
  }

  get entries(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get hits(): number {
    return this.#hits;
  }

  get misses(): number {
    return this.#misses;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value, even one that is heavier than the bound: then it alone. */
  set(key: string, value: V, weight: number): V {
    this.delete(key);
    this.#entries.set(key, { value, weight });
    this.#bytes += weight;
    while (this.#bytes > this.#bytesMax && this.#entries.size > 1) this.dropOldest();
    return value;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.weight;
    this.#dropped?.(entry.value);
  }

  /** Lets go of what was used least recently. */
  dropOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.delete(oldest);
  }

  /** The values, from the one used least recently on. */
  *values(): Generator<V, undefined> {
    for (const { value } of this.#entries.values()) yield value;
  }
}
