import type { Route } from './resources.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'delete' | 'patch' | 'log';

/** Something that goes wrong with a request. */
export type Fault =
  | { readonly kind: 'status'; readonly code: number; readonly retryAfterSeconds?: number }
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection breaks after so many bytes of the answer; with 0 nothing of it is sent. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** The answer ends as if it were whole. */
  | { readonly kind: 'close'; readonly afterBytes: number }
  /** Nothing more comes, and the connection stays. */
  | { readonly kind: 'hang'; readonly afterBytes: number }
  /** A line that is no JSON is in the answer. */
  | { readonly kind: 'garbage'; readonly afterBytes: number }
  /** The request has its effect, and the connection breaks before the answer. */
  | { readonly kind: 'lost-answer' }
  /** 410 as an event in a watch that began well. */
  | { readonly kind: 'gone-event' };

export interface FaultRule {
  readonly verb?: Verb;
  /** The plural name. */
  readonly resource?: string;
  readonly fault: Fault;
  /** How many requests it meets; 1 unless told. */
  readonly times?: number;
}

/** What is to go wrong next. Rules are asked in the order in which they were given. */
export class Faults {
  #rules: { rule: FaultRule; left: number }[] = [];

  add(...rules: readonly FaultRule[]): void {
    for (const rule of rules) this.#rules.push({ rule, left: rule.times ?? 1 });
  }

  clear(): void {
    this.#rules = [];
  }

  take(verb: Verb, { resource }: Route): Fault | undefined {
    const found = this.#rules.find(
      ({ rule }) =>
        (rule.verb ?? verb) === verb && (rule.resource ?? resource.plural) === resource.plural,
    );
    if (!found) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#rules = this.#rules.filter((one) => one !== found);
    return found.rule.fault;
  }
}
