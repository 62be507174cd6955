import { createHash } from 'node:crypto';
import type { Delivery } from './delivery.ts';

/**
 * Completes an event once for all streams that have it.
 *
 * Streams that were opened at different times cannot be one, but they show the
 * same events from when they have caught up. Only events that say where in their
 * log they stand are shared, so that two with the same bytes are the same one
 * and nobody gets an older completion for a later event. What is shared is as
 * old as the others' own would be: under way, or done for no longer than a tenth
 * of a second and without an error.
 */
export class Completions {
  readonly #known = new Map<string, Promise<Delivery>>();

  share(parts: readonly string[], make: () => Promise<Delivery>): Promise<Delivery> {
    const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
    const known = this.#known.get(key);
    if (known) return known;
    const making = make();
    if (this.#known.size >= keptMax) return making;
    this.#known.set(key, making);
    const forget = (): void => {
      this.#known.delete(key);
    };
    making.then(({ hasErrors }) => {
      if (hasErrors) forget();
      else setTimeout(forget, keptMs).unref();
    }, forget);
    return making;
  }
}

const keptMs = 100;
const keptMax = 1_000;
