/** How much may be taken in the long run, and at once after a pause. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export type Taken =
  { readonly isAllowed: true } | { readonly isAllowed: false; readonly retryAfterMs: number };

/**
 * Counts what is taken under each key.
 *
 * One process counts for itself; several that share a limit share a driver.
 */
export interface RateLimiter {
  take(key: string, rate: Rate, amount?: number): Taken | Promise<Taken>;
}

interface Bucket {
  tokens: number;
  at: number;
}

const keysMax = 20_000;

/**
 * Token buckets in this process: a full one for each key at first, refilled
 * evenly. The keys used longest ago are forgotten, so that a flood of keys
 * costs no memory; a forgotten key begins with a full bucket again.
 */
export class MemoryRateLimiter implements RateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** What is more than a full bucket takes a full one. */
  take(key: string, { perSecond, burst }: Rate, wanted = 1): Taken {
    const amount = Math.min(wanted, burst);
    const at = this.#now();
    const known = this.#buckets.get(key) ?? { tokens: burst, at };
    const refilled = known.tokens + (Math.max(0, at - known.at) / 1_000) * perSecond;
    const tokens = Math.min(burst, refilled);
    const isAllowed = tokens >= amount;
    this.#keep(key, { tokens: isAllowed ? tokens - amount : tokens, at });
    if (isAllowed) return { isAllowed };
    return { isAllowed, retryAfterMs: Math.ceil(((amount - tokens) / perSecond) * 1_000) };
  }

  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size <= keysMax) return;
    const [oldest = ''] = this.#buckets.keys();
    this.#buckets.delete(oldest);
  }
}
