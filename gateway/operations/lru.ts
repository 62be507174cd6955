/**
 * Remembers the values used most recently, up to a number of entries and a sum
 * of key lengths, so that a flood of new or long keys costs no memory.
 */
export class Lru<V> {
  readonly #entries = new Map<string, V>();
  readonly #entriesMax: number;
  readonly #charactersMax: number;
  #characters = 0;

  constructor({ entriesMax, charactersMax }: { entriesMax: number; charactersMax: number }) {
    this.#entriesMax = entriesMax;
    this.#charactersMax = charactersMax;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  set(key: string, value: V): V {
    if (!this.#entries.delete(key)) this.#characters += key.length;
    this.#entries.set(key, value);
    for (const oldest of this.#entries.keys()) {
      const fits =
        this.#entries.size <= this.#entriesMax && this.#characters <= this.#charactersMax;
      if (fits) break;
      this.#entries.delete(oldest);
      this.#characters -= oldest.length;
    }
    return value;
  }
}
