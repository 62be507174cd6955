import type { FetchDataRewrite, QueryPlanSelectionNode } from '@apollo/query-planner';
import type { FieldNode, InlineFragmentNode, SelectionNode, SelectionSetNode } from 'graphql';
import { Kind } from 'graphql';
import type { Step } from './paths.ts';
import type { PlannedFetch } from './plan-fetches.ts';
import type { TypesWithin } from './representations.ts';
import { renamedPath } from './rewrites.ts';
import type { OperationText } from './selections.ts';
import { fieldsWhere, nothingLeft } from './selections.ts';

/** All that is read at one place of the tree. */
export interface Wanted {
  readonly fragments: OperationText['fragments'];
  readonly sets: readonly SelectionSetNode[];
  /**
   * Fields that only lead to where something is read. They are no reason to ask
   * for the field: the planner names the ways of fetches without the types on
   * them, and who is not asked for the field has nothing at its end.
   */
  readonly ways: ReadonlySet<FieldNode>;
}

/** The types that the objects at a place may be of; undefined when they may be of any. */
type Types = ReadonlySet<string> | undefined;

/** What is read of the tree as a whole: by the client, and to represent entities. */
export function wantedBy(
  { operation, fragments }: OperationText,
  fetches: readonly PlannedFetch[],
): Wanted {
  const ways = new Set<FieldNode>();
  const required = fetches.flatMap(({ node, steps }) =>
    node.requires ? requiredAt(node.requires, steps, ways) : [],
  );
  return { fragments, sets: [operation.selectionSet, ...required], ways };
}

/** What is read at the end of a way. */
export function wantedAt(whole: Wanted, steps: readonly Step[], typesWithin: TypesWithin): Wanted {
  let wanted = whole;
  let types: Types;
  for (const step of steps) {
    if (step.kind === 'types') {
      types = new Set([...step.names].flatMap((name) => [...typesWithin(name)]));
    } else if (step.kind === 'field') {
      wanted = within(wanted, fieldsFor(wanted, types, typesWithin).get(step.key) ?? []);
      types = undefined;
    }
  }
  return wanted;
}

/** Leaves of a fetch's selection what is wanted of objects of one type. */
export function wantedOnly(
  asked: SelectionSetNode,
  wanted: Wanted,
  type: string,
  typesWithin: TypesWithin,
  rewrites: readonly FetchDataRewrite[] | undefined,
): SelectionSetNode {
  const narrowed = (
    { selections }: SelectionSetNode,
    here: Wanted,
    among: Types,
    path: readonly string[],
  ): SelectionNode[] => {
    const fields = fieldsFor(here, among, typesWithin);
    return selections.flatMap((selection): SelectionNode[] => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return [selection];
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const inner = narrowedTypes(among, selection.typeCondition?.name.value, typesWithin);
        const left = narrowed(selection.selectionSet, here, inner, path);
        return left.length > 0 ? [withSelections(selection, left)] : [];
      }
      const own = [...path, (selection.alias ?? selection.name).value];
      const reasons = fields.get(String(renamedPath(own, rewrites).at(-1)));
      if (selection.name.value === '__typename') return [selection];
      if (!reasons || reasons.every((reason) => here.ways.has(reason))) return [];
      if (!selection.selectionSet) return [selection];
      const left = narrowed(selection.selectionSet, within(here, reasons), undefined, own);
      return [withSelections(selection, left)];
    });
  };
  return { kind: Kind.SELECTION_SET, selections: narrowed(asked, wanted, new Set([type]), []) };
}

function withSelections<T extends FieldNode | InlineFragmentNode>(
  node: T,
  selections: readonly SelectionNode[],
): T {
  const selectionSet: SelectionSetNode =
    selections.length > 0 ? { kind: Kind.SELECTION_SET, selections } : nothingLeft;
  return { ...node, selectionSet };
}

function narrowedTypes(
  types: Types,
  condition: string | undefined,
  typesWithin: TypesWithin,
): Types {
  if (condition === undefined) return types;
  const meant = typesWithin(condition);
  return types ? new Set([...types].filter((type) => meant.has(type))) : meant;
}

function fieldsFor({ fragments, sets }: Wanted, types: Types, typesWithin: TypesWithin) {
  const holds = (condition: string | undefined): boolean => {
    if (condition === undefined || !types) return true;
    const meant = typesWithin(condition);
    return [...types].some((type) => meant.has(type));
  };
  return fieldsWhere({ fragments }, holds, sets);
}

function within(wanted: Wanted, fields: readonly FieldNode[]): Wanted {
  return { ...wanted, sets: fields.flatMap(({ selectionSet }) => selectionSet ?? []) };
}

/** What represents the entities at the end of a way, as a selection from the root of the tree. */
function requiredAt(
  requires: readonly QueryPlanSelectionNode[],
  steps: readonly Step[],
  ways: Set<FieldNode>,
): SelectionSetNode {
  let selections = requires.map(selectionOf);
  for (const step of steps.toReversed()) {
    if (step.kind === 'field') {
      const way = fieldNode(step.key, selections);
      ways.add(way);
      selections = [way];
    }
    if (step.kind === 'types') {
      const inner = selections;
      selections = [...step.names].map((name) => fragmentNode(name, inner));
    }
  }
  return { kind: Kind.SELECTION_SET, selections };
}

function selectionOf(node: QueryPlanSelectionNode): SelectionNode {
  const selections = node.selections?.map(selectionOf);
  return node.kind === 'Field'
    ? fieldNode(node.alias ?? node.name, selections)
    : fragmentNode(node.typeCondition, selections ?? []);
}

function fieldNode(key: string, selections: readonly SelectionNode[] | undefined): FieldNode {
  const field: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: key } };
  return selections ? withSelections(field, selections) : field;
}

function fragmentNode(
  condition: string | undefined,
  selections: readonly SelectionNode[],
): InlineFragmentNode {
  const selectionSet: SelectionSetNode = { kind: Kind.SELECTION_SET, selections };
  if (condition === undefined) return { kind: Kind.INLINE_FRAGMENT, selectionSet };
  const name = { kind: Kind.NAME, value: condition } as const;
  return {
    kind: Kind.INLINE_FRAGMENT,
    typeCondition: { kind: Kind.NAMED_TYPE, name },
    selectionSet,
  };
}
