import type { FetchDataRewrite } from '@apollo/query-planner';
import type { OperationDefinitionNode, SelectionSetNode } from 'graphql';
import { Kind, OperationTypeNode, parse } from 'graphql';
import type { FieldTree } from './field-tree.ts';
import { fieldTree } from './field-tree.ts';
import type { Step } from './paths.ts';
import { onOneLine } from './paths.ts';
import type { PlannedFetch } from './plan-fetches.ts';
import { roundsOf, UnsupportedPlan } from './plan-fetches.ts';
import { mergedQuery } from './merged-query.ts';
import type { Representations, TypesWithin } from './representations.ts';
import { represents } from './representations.ts';
import type { Rewrite } from './rewrites.ts';
import { rewriter } from './rewrites.ts';

/** Objects of the response that an answer completes. */
export interface Place {
  /** The same for the same place. */
  readonly text: string;
  readonly steps: readonly Step[];
  readonly keys: readonly string[];
  /** Other fetches add to objects inside of what is given here, so it is not shared. */
  readonly grows: boolean;
}

/** What an answer, or one list of entities in it, is for. */
export interface Part {
  readonly places: readonly Place[];
  readonly fields: FieldTree;
  readonly rewrites: readonly FetchDataRewrite[] | undefined;
  readonly rewrite: Rewrite;
}

/** A list of entities in an answer. */
export interface EntitiesPart extends Part {
  readonly responseKey: string;
  readonly variable: string;
  readonly represent: () => Representations;
}

/** One call of a subgraph, prepared as far as it can be without variables and data. */
export interface PlannedRequest {
  readonly subgraph: string;
  readonly kind: 'root' | 'entities';
  readonly isMutation: boolean;
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: readonly string[];
  readonly root: Part | undefined;
  readonly entities: readonly EntitiesPart[];
  /** The requests, by their places in the list, that are answered before this one is made. */
  readonly after: readonly number[];
}

/**
 * Makes requests of the fetches of a plan. Fetches of entities that are due in
 * the same round from the same subgraph share one request; those which ask the
 * same in the same way share one list of entities as well.
 */
export function plannedRequests(
  fetches: readonly PlannedFetch[],
  isMutation: boolean,
  typesWithin: TypesWithin,
): PlannedRequest[] {
  const groups = grouped(fetches, roundsOf(fetches, isMutation));
  const groupOf = new Map<number, number>();
  for (const [index, { members }] of groups.entries()) {
    for (const place of members) groupOf.set(place, index);
  }
  return groups.map(({ members }) => {
    const after = members.flatMap((place) =>
      (fetches[place]?.after ?? []).map((earlier) => groupOf.get(earlier) ?? 0),
    );
    const own = members.flatMap((place) => fetches[place] ?? []);
    const placesOf = placer(fetches);
    const request = own[0]?.node.requires
      ? entitiesRequest(own, placesOf, typesWithin)
      : rootRequest(own, placesOf, typesWithin);
    return { ...request, after: [...new Set(after)].sort((a, b) => a - b) };
  });
}

/** Groups in the order in which they can be made. */
function grouped(fetches: readonly PlannedFetch[], rounds: readonly number[]) {
  const groups = new Map<string, { readonly round: number; readonly members: number[] }>();
  for (const [place, { node }] of fetches.entries()) {
    const round = rounds[place] ?? 0;
    const key = node.requires ? `${round} ${node.serviceName}` : `alone ${place}`;
    const group = groups.get(key) ?? { round, members: [] };
    group.members.push(place);
    groups.set(key, group);
  }
  return [...groups.values()].sort((some, other) => some.round - other.round);
}

type Placer = (fetch: PlannedFetch) => Place;

function placer(fetches: readonly PlannedFetch[]): Placer {
  return ({ steps, keys, text }) => ({
    text,
    steps,
    keys,
    grows: fetches.some((other) => other.keys.length > keys.length && onOneLine(other.keys, keys)),
  });
}

type Unordered = Omit<PlannedRequest, 'after'>;

function rootRequest(
  [fetch]: readonly PlannedFetch[],
  placeOf: Placer,
  typesWithin: TypesWithin,
): Unordered {
  if (!fetch) throw new Error('A request without a fetch');
  const { node } = fetch;
  const operation = operationOf(node.operation);
  return {
    subgraph: node.serviceName,
    kind: 'root',
    isMutation: operation.operation === OperationTypeNode.MUTATION,
    query: node.operation,
    operationName: node.operationName,
    variables: node.variableUsages ?? [],
    root: {
      places: [placeOf(fetch)],
      fields: fieldTree(operation.selectionSet, node.outputRewrites),
      rewrites: node.outputRewrites,
      rewrite: rewriter(node.outputRewrites, typesWithin),
    },
    entities: [],
  };
}

function entitiesRequest(
  fetches: readonly PlannedFetch[],
  placeOf: Placer,
  typesWithin: TypesWithin,
): Unordered {
  const alike = new Map<string, [PlannedFetch, ...PlannedFetch[]]>();
  for (const fetch of fetches) {
    const { operation, requires, inputRewrites, outputRewrites } = fetch.node;
    const key = JSON.stringify([operation, requires, inputRewrites, outputRewrites]);
    const same = alike.get(key);
    if (same) same.push(fetch);
    else alike.set(key, [fetch]);
  }
  const members = [...alike.values()];
  const variables = [...new Set(fetches.flatMap(({ node }) => node.variableUsages ?? []))];
  if (variables.includes('representations')) {
    throw new UnsupportedPlan('A variable has the name that entities are sent by');
  }
  const [first] = members;
  const merged = mergedQuery(
    members.map(([{ node }]) => node.operation),
    variables,
  );
  return {
    subgraph: first?.[0].node.serviceName ?? '',
    kind: 'entities',
    isMutation: false,
    query: merged.query,
    operationName: first?.[0].node.operationName,
    variables,
    root: undefined,
    entities: members.map((same, index) => {
      const [{ node }] = same;
      const places = same.map(placeOf);
      return {
        places,
        fields: fieldTree(entitiesOf(operationOf(node.operation)), node.outputRewrites),
        rewrites: node.outputRewrites,
        rewrite: rewriter(node.outputRewrites, typesWithin),
        represent: represents(
          node.requires ?? [],
          typesWithin,
          rewriter(node.inputRewrites, typesWithin),
        ),
        responseKey: merged.responseKeys[index] ?? '',
        variable: merged.variables[index] ?? '',
      };
    }),
  };
}

/** Reads the one operation of a fetch. */
export function operationOf(text: string): OperationDefinitionNode {
  const [operation, ...others] = parse(text, { noLocation: true }).definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION || others.length > 0) {
    throw new UnsupportedPlan('A fetch is more than one operation');
  }
  return operation;
}

/** What an operation for entities asks of them. */
export function entitiesOf(operation: OperationDefinitionNode): SelectionSetNode {
  const [entities] = operation.selectionSet.selections;
  if (entities?.kind !== Kind.FIELD || !entities.selectionSet) {
    throw new UnsupportedPlan('A fetch of entities asks for something else');
  }
  return entities.selectionSet;
}
