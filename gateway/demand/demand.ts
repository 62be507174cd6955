import type { DocumentNode, GraphQLSchema } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { OperationCost } from './cost.ts';
import { operationCost } from './cost.ts';
import { costRules } from './cost-rules.ts';
import type { SingleOperation } from '../hardening/document.ts';
import type { Limits } from '../limits/limits.ts';
import { tenantLimits } from '../limits/limits.ts';
import { checkVariableSize } from '../limits/limits-variables.ts';

/** What an operation was thought to cost, and what it did. */
export interface MeasuredCost {
  readonly estimated: number;
  readonly actual: number;
}

/** Holds what operations cost against what their tenants may ask for. */
export interface Demand {
  /** Prepares the cost of an operation; once for each document. */
  costOf(operation: SingleOperation): OperationCost;
  /**
   * Estimates an operation before it is planned. Throws LIMIT_EXCEEDED when it
   * costs more than its tenant may ask for at once, or when its variables are
   * too large to be looked at.
   */
  check(
    cost: OperationCost,
    variables: Readonly<Record<string, unknown>> | undefined,
    tenant: string | undefined,
  ): number;
  /** Takes note of what an answer did cost. */
  measured(cost: MeasuredCost): void;
  /** Whether clients are told, in `extensions.cost`. */
  readonly isTold: boolean;
}

export interface DemandOptions {
  readonly graph: { readonly schema: GraphQLSchema; readonly ast: DocumentNode };
  readonly limits: Limits;
  readonly isTold: boolean;
  readonly measured: (cost: MeasuredCost) => void;
}

export function demandControl({ graph, limits, isTold, measured }: DemandOptions): Demand {
  const { schema, ast } = graph;
  const rules = costRules(ast);
  const { listSizeDefault } = limits;
  return {
    isTold,
    measured,
    costOf: (operation) => operationCost({ schema, rules, listSizeDefault }, operation),
    check(cost, variables, tenant) {
      checkVariableSize(variables, limits);
      const estimated = cost.estimate(variables ?? {});
      const { costMax } = tenantLimits(limits, tenant);
      if (estimated <= costMax) return estimated;
      throw new ForgeError(
        'LIMIT_EXCEEDED',
        `The operation may cost ${String(Math.round(estimated))}, the limit is ${String(costMax)}. Ask for shorter lists, or for less of each item.`,
      );
    },
  };
}
