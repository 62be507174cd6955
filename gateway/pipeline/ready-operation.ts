import type { DocumentNode, ExecutionResult } from 'graphql';
import type { Tracing } from '../../subgraphs/shared/telemetry.ts';
import type { ClientOperation, Executor } from '../executor/executor.ts';
import { UnsupportedPlan } from '../executor/plan-fetches.ts';
import { runHardened } from '../hardening/hardening.ts';
import type { HardenedOperation, OperationPart } from '../hardening/hardening.ts';
import type { Operations } from '../operations/operation.ts';
import type { Scope } from '../scope.ts';
import type { ServedGraph } from '../served-graphs.ts';

/** An operation of a client, on the graph that it is for. */
export interface ClientRequest {
  readonly graph: ServedGraph;
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly scope: Scope;
}

/** An operation of which nothing is left to do but to ask subgraphs. */
export interface ReadyOperation {
  readonly hardened: HardenedOperation;
  /** Whether our executor runs all of it, and the variables can be taken. */
  readonly isPlain: boolean;
  /** Runs it; `stock` runs what our executor cannot. */
  run(within: Scope, stock: RunPart): Promise<ExecutionResult>;
}

export type RunPart = (part: OperationPart, within: Scope) => Promise<ExecutionResult>;

export interface ReadyParts {
  readonly operations: Operations;
  readonly tracing: Tracing;
}

/**
 * Makes an operation ready: valid, hardened for its caller, and planned. Throws
 * RequestErrors or a ForgeError when it may not run.
 */
export function readyOperation(
  { operations, tracing }: ReadyParts,
  { graph: { loaded, hardening, executor }, scope, ...request }: ClientRequest,
): ReadyOperation {
  const { document } = request;
  const { identity, account } = scope;
  operations.validate(loaded.schema, document);
  const hardened = hardening.harden({
    ...{ ...request, identity },
    measured: (cost) => {
      account.cost = cost;
    },
  });
  const { variables, overrides } = hardened;
  const planning = (): void => {
    operations.countPlan(document, identity);
  };
  const runs = new Map(
    [hardened, ...hardened.apart].map((part) => {
      const operation = { document: part.document, operationName: undefined, variables, overrides };
      return [part.document, prepared(executor, { ...operation, planning })];
    }),
  );
  account.preparedMs = performance.now() - account.startedMs;
  tracing.done('plan', scope.traceparent, {}, account.startedMs);
  return {
    hardened,
    isPlain: [...runs.values()].every((run) => run && !('errors' in run)),
    run: (within, stock) =>
      runHardened(hardened, async (part) => {
        const run = runs.get(part.document);
        if (!run) return stock(part, within);
        return 'errors' in run ? run : executor.execute(run, within);
      }),
  };
}

/** Undefined for what our executor cannot run. */
function prepared(
  executor: Executor,
  operation: ClientOperation,
): ReturnType<Executor['prepare']> | undefined {
  try {
    return executor.prepare(operation);
  } catch (cause) {
    if (cause instanceof UnsupportedPlan) return undefined;
    throw cause;
  }
}
