/** Something that goes wrong with a request. `executed` is whether it had its effect before. */
export type Fault =
  /** An answer of its own. A saved one is what the key gives from then on, as Stripe does with 500s. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly error?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
      readonly saved?: boolean;
      readonly executed?: boolean;
    }
  /** No answer, and the connection stays. */
  | { readonly kind: 'hang'; readonly executed: boolean }
  /** The connection breaks after so many bytes of the answer; with 0 nothing of it is sent. */
  | { readonly kind: 'reset'; readonly executed: boolean; readonly afterBytes: number }
  /** The headers come, and so many bytes, and then nothing. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** 200, and no JSON. */
  | { readonly kind: 'html' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** The answer says something else than what is so. */
  | { readonly kind: 'rewrite'; readonly change: Readonly<Record<string, unknown>> };

export interface FaultRule {
  readonly fault: Fault;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** The beginning of the path. */
  readonly path?: string;
  /** The first request that it meets of those that fit, counted from 1; 1 unless told. */
  readonly nth?: number;
  /** How many it meets from there; 1 unless told. */
  readonly times?: number;
  /** Meets each by chance, thrown from the seed. */
  readonly probability?: number;
}

/** What is to go wrong, by script or by seed: the same seed goes wrong the same way. */
export class Faults {
  #rules: { readonly rule: FaultRule; seen: number }[] = [];
  #seed = 1;

  add(...rules: readonly FaultRule[]): void {
    for (const rule of rules) this.#rules.push({ rule, seen: 0 });
  }

  seed(seed: number): void {
    this.#seed = seed >>> 0 || 1;
  }

  clear(): void {
    this.#rules = [];
  }

  take(method: string, path: string): Fault | undefined {
    for (const one of this.#rules) {
      const { rule } = one;
      if ((rule.method ?? method) !== method || !path.startsWith(rule.path ?? '')) continue;
      one.seen += 1;
      const from = rule.nth ?? 1;
      if (one.seen < from || one.seen >= from + (rule.times ?? 1)) continue;
      if (this.#dice() < (rule.probability ?? 1)) return rule.fault;
    }
    return undefined;
  }

  /** Mulberry32: small, and good enough for dice. */
  #dice(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}
