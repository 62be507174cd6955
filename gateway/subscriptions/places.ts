import type { Identity } from '../../subgraphs/shared/auth.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { callerKey } from './shares.ts';

export interface PlaceLimits {
  readonly subscriptionsPerActorMax: number;
  readonly subscriptionsPerTenantMax: number;
  readonly subscriptionsMax: number;
}

/** Counts the subscriptions that are open, by actor, by tenant and in all. */
export class Places {
  readonly #limits: PlaceLimits;
  readonly #counts = new Map<string, number>();

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
  }

  /** Takes a place. Throws LIMIT_EXCEEDED, which is retryable, when there is none. */
  take(identity: Identity | undefined): void {
    const keys = keysOf(identity);
    const { subscriptionsPerActorMax, subscriptionsPerTenantMax, subscriptionsMax } = this.#limits;
    const maxima = [
      ['in all', subscriptionsMax],
      ['of your company', subscriptionsPerTenantMax],
      ['of yours', subscriptionsPerActorMax],
    ] as const;
    keys.forEach((key, place) => {
      const [whose, max] = maxima[place] ?? ['', Infinity];
      if ((this.#counts.get(key) ?? 0) >= max) throw tooMany(whose, max);
    });
    for (const key of keys) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Gives back a place that was taken. */
  leave(identity: Identity | undefined): void {
    for (const key of keysOf(identity)) {
      const left = (this.#counts.get(key) ?? 0) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    }
  }
}

function keysOf(identity: Identity | undefined): readonly string[] {
  return identity ? ['all', `tenant ${identity.tenant}`, `actor ${callerKey(identity)}`] : ['all'];
}

function tooMany(whose: string, max: number): ForgeError {
  return new ForgeError(
    'LIMIT_EXCEEDED',
    `${String(max)} subscriptions ${whose} are open, which is the limit. Close one first.`,
    { retryable: true, retryAfterMs: 5_000 },
  );
}
