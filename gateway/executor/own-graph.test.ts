import { readFileSync } from 'node:fs';
import { buildOperationNodeForField } from '@graphql-tools/utils';
import { describe, expect, it } from '@jest/globals';
import type { DocumentNode, OperationDefinitionNode } from 'graphql';
import { Kind, OperationTypeNode, print } from 'graphql';
import { createPlanner } from '../supergraph/planner.ts';
import { loadSupergraph } from '../supergraph/supergraph.ts';
import { graphOf } from './executor.ts';
import { plannedFetches } from './plan-fetches.ts';
import { plannedRequests } from './requests.ts';

const loaded = loadSupergraph(readFileSync('schema/supergraph.graphql', 'utf8'));
const planner = createPlanner(loaded);
const { typesWithin } = graphOf(loaded.schema, loaded.supergraphSchema);

const fields = Object.values(OperationTypeNode).flatMap((kind) =>
  Object.keys(loaded.schema.getRootType(kind)?.getFields() ?? {}).map((field) => ({ kind, field })),
);

/** Everything below one root field; the members of a union may need the same variable. */
function everythingUnder(kind: OperationTypeNode, field: string): DocumentNode {
  const operation = buildOperationNodeForField({
    ...{ schema: loaded.schema, kind, field, depthLimit: 5, circularReferenceDepth: 1 },
  });
  const variables = new Map(
    (operation.variableDefinitions ?? []).map((one) => [one.variable.name.value, one]),
  );
  const definition: OperationDefinitionNode = {
    ...operation,
    variableDefinitions: [...variables.values()],
  };
  return { kind: Kind.DOCUMENT, definitions: [definition] };
}

describe('the project’s own graph', () => {
  it.each(fields)('has nothing under $kind $field for the stock executor', ({ kind, field }) => {
    const document = everythingUnder(kind, field);
    const plan = planner.plan(document, new Map());
    if (!plan) throw new Error(`No plan for ${print(document)}`);
    const fetches = plannedFetches(plan, kind === OperationTypeNode.MUTATION);
    const requests = plannedRequests(fetches, false, typesWithin);
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.length).toBeLessThanOrEqual(fetches.length);
  });
});
