import { setImmediate as nextTurn } from 'node:timers/promises';
import { RequestErrors } from './errors.ts';
import { UnsupportedPlan } from './executor/plan-fetches.ts';
import type { Operations } from './operations/operation.ts';
import type { ServedGraph } from './served-graphs.ts';

/**
 * Plans what was asked lately for a graph that nobody asks yet, so that the
 * first to ask it do not wait for the planner. Gives way to requests after each
 * document. What is not valid any more is left out.
 */
export async function warm(
  { loaded, hardening, executor }: ServedGraph,
  operations: Operations,
): Promise<void> {
  for (const document of operations.recent()) {
    try {
      operations.validate(loaded.schema, document);
      const { documents, overrides } = hardening.expected(document);
      for (const safe of documents) executor.warm(safe, overrides);
    } catch (cause) {
      if (!(cause instanceof RequestErrors || cause instanceof UnsupportedPlan)) throw cause;
    }
    await nextTurn();
  }
}
