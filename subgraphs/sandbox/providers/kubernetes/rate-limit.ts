import { sleep } from '../../../shared/time.ts';

/** Calls that are limited together, so that one kind cannot starve the other. */
export type VerbClass = 'mutate' | 'read';

export interface Rate {
  readonly perSecond: number;
  /** What may be done at once after a quiet time. */
  readonly burst: number;
}

export const standardRates: Readonly<Record<VerbClass, Rate>> = {
  mutate: { perSecond: 20, burst: 30 },
  read: { perSecond: 50, burst: 100 },
};

/** However often the server says that it is too much, this much is still asked. */
const perSecondMin = 1;
/** After a reduction, a calm second brings back this share of the full rate. */
const recoveryPerSecond = 0.1;

/**
 * Spaces the calls of one class: no more than the rate in the long run, no call
 * at all before the time that the server named, and half as many after it had
 * to. Who waits is served in the order of coming.
 */
export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  #perSecond: number;
  #tokens: number;
  #filledAtMs: number;
  #closedUntilMs = -Infinity;
  #turn: Promise<void> = Promise.resolve();

  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
    this.#perSecond = rate.perSecond;
    this.#tokens = rate.burst;
    this.#filledAtMs = now();
  }

  /** Comes back when a call may be made. */
  async enter(signal?: AbortSignal): Promise<void> {
    const before = this.#turn;
    const mine = Promise.withResolvers<undefined>();
    this.#turn = mine.promise;
    try {
      await before;
      for (let waitMs = this.#take(); waitMs > 0; waitMs = this.#take()) {
        await sleep(waitMs, signal);
      }
    } finally {
      mine.resolve(undefined);
    }
  }

  /** The server said that it was too much, and perhaps when to come again. */
  refused(retryAfterMs = 1_000): void {
    this.#fill();
    this.#closedUntilMs = Math.max(this.#closedUntilMs, this.#now() + retryAfterMs);
    this.#perSecond = Math.max(perSecondMin, this.#perSecond / 2);
    this.#tokens = Math.min(this.#tokens, 1);
  }

  get perSecond(): number {
    this.#fill();
    return this.#perSecond;
  }

  /** Takes a token and gives 0, or says how long until there may be one. */
  #take(): number {
    this.#fill();
    const closedMs = this.#closedUntilMs - this.#now();
    if (closedMs > 0) return closedMs;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.max(1, ((1 - this.#tokens) / this.#perSecond) * 1_000);
  }

  #fill(): void {
    const now = this.#now();
    const seconds = Math.max(0, now - Math.max(this.#filledAtMs, this.#closedUntilMs)) / 1_000;
    this.#filledAtMs = now;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + seconds * this.#perSecond);
    const regained = seconds * recoveryPerSecond * this.#rate.perSecond;
    this.#perSecond = Math.min(this.#rate.perSecond, this.#perSecond + regained);
  }
}
