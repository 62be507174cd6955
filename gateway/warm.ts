import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DocumentNode } from 'graphql';
import { Kind } from 'graphql';
import { RequestErrors } from './errors.ts';
import { UnsupportedPlan } from './executor/plan-fetches.ts';
import type { Operations } from './operations/operation.ts';
import type { ServedGraph } from './served-graphs.ts';

/**
 * Plans what was asked lately, and what is on the list of operations, for a
 * graph that nobody asks yet, so that the first to ask it do not wait for the
 * planner. Gives way to requests after each document, and leaves the rest when
 * the time is over. What is not valid any more is left out.
 */
export async function warm(
  { loaded, hardening, executor }: ServedGraph,
  operations: Operations,
  withinMs: number,
): Promise<void> {
  const end = performance.now() + withinMs;
  for (const document of operations.expected()) {
    if (performance.now() > end) return;
    try {
      operations.validate(loaded.schema, document);
      if (hasOneOperation(document)) {
        const { documents, overrides } = hardening.expected(document);
        for (const safe of documents) executor.warm(safe, overrides);
      }
    } catch (cause) {
      if (!(cause instanceof RequestErrors || cause instanceof UnsupportedPlan)) throw cause;
    }
    await nextTurn();
  }
}

/** Of several nobody knows which is going to be asked. */
function hasOneOperation({ definitions }: DocumentNode): boolean {
  return definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION).length === 1;
}
