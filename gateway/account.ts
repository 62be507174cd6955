import type { MeasuredCost } from './demand/demand.ts';

/** What one operation took, for whoever looks after the gateway. */
export class Account {
  readonly startedMs = performance.now();
  /** Until it was known what to ask whom: next to nothing for an operation that is known. */
  preparedMs = 0;
  cost: MeasuredCost | undefined;
  /** Where the answer came from, when no subgraph was asked for it. */
  from: 'cache' | 'shared' | undefined;
  readonly #calls: Record<string, number> = {};
  #failed = 0;

  /** A subgraph was asked. */
  called(subgraph: string, outcome: 'answered' | 'failed'): void {
    this.#calls[subgraph] = (this.#calls[subgraph] ?? 0) + 1;
    if (outcome === 'failed') this.#failed += 1;
  }

  /** How often which subgraph was asked, and how many of these calls failed. */
  get calls(): { readonly calls: Readonly<Record<string, number>>; readonly failedCalls: number } {
    return { calls: this.#calls, failedCalls: this.#failed };
  }
}
