import type { CacheStats } from './kept.ts';
import { Kept } from './kept.ts';

/**
 * Keeps what belongs to one tenant each, up to a sum of weights in bytes for
 * all of them.
 *
 * When there is no room, whoever holds most loses what it used least recently:
 * a tenant that fills the cache takes room from itself, and nobody who holds
 * less than an equal share ever loses anything to another.
 */
export class Shares<V extends object> implements CacheStats {
  readonly #tenants = new Map<string, Kept<V>>();
  readonly #bytesMax: number;
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get entries(): number {
    return [...this.#tenants.values()].reduce((sum, { entries }) => sum + entries, 0);
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

  get(tenant: string, key: string): V | undefined {
    const found = this.#tenants.get(tenant)?.get(key);
    if (found) this.#hits += 1;
    else this.#misses += 1;
    return found;
  }

  /** What is heavier than all there is room for is not kept. */
  set(tenant: string, key: string, value: V, weight: number): void {
    if (weight > this.#bytesMax) return;
    const own = this.#tenants.get(tenant) ?? new Kept<V>(Infinity);
    this.#tenants.set(tenant, own);
    this.#change(tenant, own, () => own.set(key, value, weight));
    while (this.#bytes > this.#bytesMax) this.#takeFromLargest();
  }

  delete(tenant: string, key: string): void {
    const own = this.#tenants.get(tenant);
    if (own) {
      this.#change(tenant, own, () => {
        own.delete(key);
      });
    }
  }

  #takeFromLargest(): void {
    let largest: readonly [string, Kept<V>] | undefined;
    for (const one of this.#tenants) {
      if (!largest || one[1].bytes > largest[1].bytes) largest = one;
    }
    if (!largest) return;
    const [tenant, kept] = largest;
    this.#change(tenant, kept, () => {
      kept.dropOldest();
    });
  }

  #change(tenant: string, kept: Kept<V>, change: () => void): void {
    this.#bytes -= kept.bytes;
    change();
    this.#bytes += kept.bytes;
    if (kept.entries === 0) this.#tenants.delete(tenant);
  }
}
