import type { FormattedExecutionResult } from 'graphql';
import type { CachePolicy } from '../caching/static-policy.ts';
import { RequestErrors } from '../errors.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { PreparedOperation } from '../operations/operation.ts';
import type { Scope } from '../scope.ts';
import { concluded, withErrors } from './concluded.ts';
import type { HardenedGatewayParts } from './hardened-gateway.ts';
import { readyOperation } from './ready-operation.ts';
import type { ReadyOperation } from './ready-operation.ts';

/** An answer with what its HTTP head says about keeping it. */
export interface DirectAnswer {
  /** Its errors are fit for the client. */
  readonly result: FormattedExecutionResult;
  readonly policy: CachePolicy | undefined;
  readonly age?: number | undefined;
}

/**
 * Answers queries and mutations that are in order without Apollo Server, which
 * would parse, validate and look up once more what is known here, and costs
 * several times what a small operation does.
 *
 * Undefined for everything else, before anything of it ran: what is refused, and
 * what our executor cannot run, goes through Apollo Server. Its answers are the
 * same, byte for byte.
 */
export type AnswerDirectly = (
  operation: PreparedOperation,
  scope: Scope,
  client: string | undefined,
) => Promise<DirectAnswer | undefined>;

export function directAnswers(parts: HardenedGatewayParts): AnswerDirectly {
  const { graphs, caching, metrics } = parts;
  return async (operation, scope, client) => {
    const graph = graphs.current;
    const ready = readyOr(parts, { ...operation, graph, scope });
    if (!ready) return undefined;
    const { document, operationName, hash, kind } = operation;
    const { variables } = operation.request;
    const run = (within: Scope) => ready.run(within, unsupported);
    const { loaded } = graph;
    const question = {
      ...{ loaded, document, text: hash, hardened: ready.hardened },
      request: { operationName, variables },
    };
    const { result, policy, age } =
      kind === 'mutation'
        ? { result: await caching.mutate(scope, run), policy: undefined, age: undefined }
        : await caching.answer(question, scope, run);
    const { name } = operation;
    const errors = concluded({ kind, name, hash, client }, result.errors, scope, metrics);
    return { result: withErrors(result, errors), policy, age };
  };
}

function readyOr(
  parts: HardenedGatewayParts,
  operation: PreparedOperation & Pick<Parameters<typeof readyOperation>[1], 'graph' | 'scope'>,
): ReadyOperation | undefined {
  if (operation.kind === 'subscription') return undefined;
  const { graph, scope, document, operationName } = operation;
  const { variables } = operation.request;
  try {
    const ready = readyOperation(parts, { graph, scope, document, operationName, variables });
    return ready.isPlain ? ready : undefined;
  } catch (cause) {
    if (cause instanceof RequestErrors || cause instanceof ForgeError) return undefined;
    throw cause;
  }
}

function unsupported(): never {
  throw new Error('An operation that our executor cannot run was not handed over');
}
