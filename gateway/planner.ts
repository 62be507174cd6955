import { operationFromDocument } from '@apollo/federation-internals';
import { QueryPlanner } from '@apollo/query-planner';
import type { QueryPlan, SubscriptionNode } from '@apollo/query-planner';
import type { DocumentNode } from 'graphql';
import type { LoadedSupergraph } from './supergraph.ts';
import { Lru } from './lru.ts';
import type { PreparedOperation } from './operation.ts';

export interface Planner {
  /**
   * Plans one operation of a document. Fetches are bound to the types on their
   * way: without that, objects of two types under one response key would be
   * completed with each other's fields.
   */
  plan(document: DocumentNode, operationName: string | undefined): QueryPlan;
  /** The plan of a subscription: which subgraph sends the events, and what completes each. */
  planSubscription(operation: Omit<PreparedOperation, 'kind'>): SubscriptionNode;
}

/** Plans operations over one supergraph and keeps the plans of those asked most recently. */
export function createPlanner({ supergraph, apiSchema }: LoadedSupergraph): Planner {
  const planner = new QueryPlanner(supergraph);
  const bound = new QueryPlanner(supergraph, {
    typeConditionedFetching: true,
    reuseQueryFragments: false,
    exposeDocumentNodeInFetchNode: false,
  });
  const plans = new Lru<SubscriptionNode>(plansKept);
  return {
    plan(document, operationName) {
      const operation = operationFromDocument(apiSchema, document, {
        ...(operationName === undefined ? {} : { operationName }),
      });
      return bound.buildQueryPlan(operation);
    },
    planSubscription({ key, document, operationName }) {
      const known = plans.get(key);
      if (known) return known;
      const operation = operationFromDocument(apiSchema, document, {
        ...(operationName === undefined ? {} : { operationName }),
      });
      const { node } = planner.buildQueryPlan(operation);
      if (node?.kind !== 'Subscription') {
        throw new Error(`No subgraph serves the subscription ${key.slice(0, 200)}`);
      }
      return plans.set(key, node);
    },
  };
}

const plansKept = { entriesMax: 500, charactersMax: 1_000_000 };
