import { operationFromDocument } from '@apollo/federation-internals';
import { QueryPlanner } from '@apollo/query-planner';
import type { PlanNode, SubscriptionNode } from '@apollo/query-planner';
import type { DocumentNode } from 'graphql';
import type { LoadedSupergraph } from './supergraph.ts';

export interface Planner {
  /**
   * Plans the one operation of a document. Undefined when no subgraph needs to
   * be asked. Plans are not kept: whoever compiles one keeps what became of it.
   */
  plan(
    document: DocumentNode,
    overrides: Map<string, boolean>,
  ): PlanNode | SubscriptionNode | undefined;
}

/**
 * Plans operations over one supergraph.
 *
 * Fetches are bound to the types on their way: without that, objects of two
 * types under one response key would be completed with each other's fields.
 */
export function createPlanner(
  { supergraph, apiSchema }: Pick<LoadedSupergraph, 'supergraph' | 'apiSchema'>,
  plansComparedMax = defaultPlansComparedMax,
): Planner {
  const planner = new QueryPlanner(supergraph, {
    typeConditionedFetching: true,
    reuseQueryFragments: false,
    exposeDocumentNodeInFetchNode: false,
    debug: { maxEvaluatedPlans: plansComparedMax, pathsLimit: pathsMax },
  });
  return {
    plan(document, overrides) {
      const operation = operationFromDocument(apiSchema, document);
      return planner.buildQueryPlan(operation, { overrideConditions: overrides }).node;
    },
  };
}

/**
 * Ways to one field that are looked at. Objects of an interface that holds itself
 * can have so many that looking at them never ends.
 */
const pathsMax = 10_000;

/** Comparing holds up every other request; of so many plans one is good enough. */
const defaultPlansComparedMax = 1_000;
