import { operationFromDocument } from '@apollo/federation-internals';
import { QueryPlanner } from '@apollo/query-planner';
import type { SubscriptionNode } from '@apollo/query-planner';
import type { LoadedSupergraph } from './supergraph.ts';
import { Lru } from './lru.ts';
import type { PreparedOperation } from './operation.ts';

export interface Planner {
  /** The plan of a subscription: which subgraph sends the events, and what completes each. */
  planSubscription(operation: Omit<PreparedOperation, 'kind'>): SubscriptionNode;
}

/** Plans operations over one supergraph and keeps the plans of those asked most recently. */
export function createPlanner({ supergraph, apiSchema }: LoadedSupergraph): Planner {
  const planner = new QueryPlanner(supergraph);
  const plans = new Lru<SubscriptionNode>(plansKept);
  return {
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
