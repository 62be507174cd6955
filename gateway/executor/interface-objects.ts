import type { FetchNode, QueryPlanSelectionNode } from '@apollo/query-planner';
import type { OperationDefinitionNode, SelectionNode, SelectionSetNode } from 'graphql';
import { Kind, print, stripIgnoredCharacters, visit } from 'graphql';
import type { IsAbstract, Step } from './paths.ts';
import { textOf } from './paths.ts';
import type { PlannedFetch } from './plan-fetches.ts';
import type { TypesWithin } from './representations.ts';
import { entitiesOf, operationOf } from './requests.ts';
import type { OperationText } from './selections.ts';
import type { Wanted } from './wanted.ts';
import { wantedAt, wantedBy, wantedOnly } from './wanted.ts';

/** What is known of the types of a graph. */
export interface TypeNames {
  readonly typesWithin: TypesWithin;
  readonly isAbstract: IsAbstract;
}

/**
 * Splits each fetch that asks about entities of several types as if they were
 * of one, an `@interfaceObject`.
 *
 * The planner asks there for all that is selected of any of the types. Asked
 * about an entity of a type of which it is not selected, a field that fails and
 * must not be null would take along what is selected. After the split, each
 * entity is asked about what is wanted of its own type, and nothing else.
 */
export function splitByType(
  fetches: readonly PlannedFetch[],
  text: OperationText,
  names: TypeNames,
): readonly PlannedFetch[] {
  if (!fetches.some(isForInterfaceObject)) return fetches;
  const wanted = wantedBy(text, fetches);
  return renumbered(
    fetches.map((fetch) => (isForInterfaceObject(fetch) ? partsOf(fetch, wanted, names) : [fetch])),
  );
}

/** Representations are told to be of another type for a subgraph that does not know their own. */
function isForInterfaceObject({ node: { inputRewrites = [] } }: PlannedFetch): boolean {
  return inputRewrites.some(
    ({ kind, path }) => kind === 'ValueSetter' && path.at(-1) === '__typename',
  );
}

/** What is asked of entities, and of which types they are. */
interface Part {
  readonly operation: OperationDefinitionNode;
  readonly types: string[];
}

function partsOf(fetch: PlannedFetch, wanted: Wanted, names: TypeNames): PlannedFetch[] {
  const conditions = conditionsOf(fetch.node.requires ?? []);
  // Of entities whose types are not known yet, the same is asked of each.
  if (conditions.every(names.isAbstract)) return [fetch];
  const operation = operationOf(fetch.node.operation);
  const asked = entitiesOf(operation);
  const here = wantedAt(wanted, fetch.steps, names.typesWithin);
  const parts = new Map<string, Part>();
  for (const type of typesOf(conditions, names)) {
    const only = wantedOnly(asked, here, type, names.typesWithin, fetch.node.outputRewrites);
    if (only.selections.length === 0) continue;
    const part = parts.get(print(only)) ?? { operation: asking(operation, only), types: [] };
    part.types.push(type);
    parts.set(print(only), part);
  }
  if (parts.size < 2) return [fetch];
  return [...parts.values()].map((part) => narrowed(fetch, part, names));
}

function conditionsOf(requires: readonly QueryPlanSelectionNode[]): string[] {
  return requires.flatMap((node) =>
    node.kind === 'InlineFragment' && node.typeCondition !== undefined ? [node.typeCondition] : [],
  );
}

/** The types that entities may be said to be of: object types, and interfaces of which no more is known. */
function typesOf(
  conditions: readonly string[],
  { typesWithin, isAbstract }: TypeNames,
): Set<string> {
  const within = conditions.flatMap((condition) => [...typesWithin(condition)]);
  return new Set([...within.filter((type) => !isAbstract(type)), ...conditions]);
}

/** The same operation with another selection of its entities, and no variable it does not use. */
function asking(
  operation: OperationDefinitionNode,
  selectionSet: SelectionSetNode,
): OperationDefinitionNode {
  const selections = operation.selectionSet.selections.map((entities): SelectionNode =>
    entities.kind === Kind.FIELD ? { ...entities, selectionSet } : entities,
  );
  const asked = { ...operation.selectionSet, selections };
  const used = new Set<string>();
  visit(asked, { Variable: ({ name }) => void used.add(name.value) });
  const variableDefinitions = (operation.variableDefinitions ?? []).filter(({ variable }) =>
    used.has(variable.name.value),
  );
  return { ...operation, variableDefinitions, selectionSet: asked };
}

/** A fetch for some of its types. */
function narrowed(fetch: PlannedFetch, part: Part, names: TypeNames): PlannedFetch {
  const { node, steps } = fetch;
  const variableUsages = (part.operation.variableDefinitions ?? [])
    .map(({ variable }) => variable.name.value)
    .filter((name) => node.variableUsages?.includes(name));
  const operation = stripIgnoredCharacters(print(part.operation));
  const own: FetchNode = { ...node, operation, variableUsages };
  if (part.types.some(names.isAbstract)) {
    // A condition on an interface holds for all of its types, so those of other parts go no further.
    const within: Step[] = [...steps, { kind: 'types', names: new Set(part.types) }];
    return { ...fetch, node: own, steps: within, text: textOf(within) };
  }
  const requires = part.types.flatMap((type) => requiredOf(type, node.requires ?? [], names));
  return { ...fetch, node: { ...own, requires } };
}

function requiredOf(
  type: string,
  requires: readonly QueryPlanSelectionNode[],
  { typesWithin }: TypeNames,
): QueryPlanSelectionNode[] {
  return requires.flatMap((node) =>
    node.kind === 'InlineFragment' &&
    node.typeCondition !== undefined &&
    typesWithin(node.typeCondition).has(type)
      ? [{ ...node, typeCondition: type }]
      : [],
  );
}

/** Puts the parts of fetches into one list; each waits for all parts of what it waited for. */
function renumbered(parts: readonly (readonly PlannedFetch[])[]): PlannedFetch[] {
  const places: number[][] = [];
  let next = 0;
  for (const { length } of parts) {
    places.push(Array.from({ length }, (_, index) => next + index));
    next += length;
  }
  return parts.flatMap((own) =>
    own.map((fetch) => ({
      ...fetch,
      after: fetch.after.flatMap((earlier) => places[earlier] ?? []),
    })),
  );
}
