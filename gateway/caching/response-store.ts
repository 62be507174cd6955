import type { ExecutionResult } from 'graphql';
import type { CacheStats } from './kept.ts';
import { Shares } from './shares.ts';
import type { CachePolicy } from './static-policy.ts';
import { weightOf } from './weight.ts';

/** An answer, and how long it may be kept. */
export interface Answer {
  readonly result: ExecutionResult;
  /** Undefined when it may not be kept. */
  readonly policy: CachePolicy | undefined;
  /** How long ago it was made, in seconds; undefined for one that was just made. */
  readonly age?: number;
}

interface Stored extends Answer {
  readonly policy: CachePolicy;
  readonly storedAtMs: number;
}

/** The answers of each tenant, for as long as their policy says. */
export class ResponseStore {
  readonly #answers: Shares<Stored>;
  readonly #now: () => number;

  constructor(bytesMax: number, now: () => number = () => performance.now()) {
    this.#answers = new Shares(bytesMax);
    this.#now = now;
  }

  get stats(): CacheStats {
    return this.#answers;
  }

  find(tenant: string, key: string): Answer | undefined {
    const stored = this.#answers.get(tenant, key);
    if (!stored) return undefined;
    const age = Math.floor((this.#now() - stored.storedAtMs) / 1_000);
    if (age < stored.policy.maxAge) return { ...stored, age };
    this.#answers.delete(tenant, key);
    return undefined;
  }

  keep(tenant: string, key: string, result: ExecutionResult, policy: CachePolicy): void {
    const weight = weightOf(result) + 2 * key.length;
    this.#answers.set(tenant, key, { result, policy, storedAtMs: this.#now() }, weight);
  }
}
