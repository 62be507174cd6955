import type { QueryPlanSelectionNode } from '@apollo/query-planner';
import type { Tree } from './tree.ts';
import { isTree, setAt, valueAt } from './tree.ts';

/** The names of the types that satisfy a type condition. */
export type TypesWithin = (condition: string) => ReadonlySet<string>;

/** No key is for an entity of this type. */
export const otherType = -1;
/** What the key of an entity needs never came. */
export const lacking = -2;

/** What a subgraph is told about the entities it completes; equal ones are told once. */
export interface Representations {
  readonly list: Tree[];
  /**
   * The place of an entity's representation in the list, where it is added if
   * it is new; `otherType` or `lacking` when there is none.
   */
  placeOf(entity: Tree): number;
}

/** Compiles the `requires` of a fetch. */
export function represents(
  requires: readonly QueryPlanSelectionNode[],
  typesWithin: TypesWithin,
  rewrite: (representation: Tree) => void,
): () => Representations {
  const select = typed(selector(requires, typesWithin));
  const leaves = leavesOf(requires);
  return () => {
    const list: Tree[] = [];
    const add = (entity: Tree): number => {
      const representation = select(entity);
      if (representation === undefined) return lacking;
      if (representation['__typename'] == null) return otherType;
      rewrite(representation);
      return list.push(representation) - 1;
    };
    return { list, placeOf: leaves ? byLeaves(leaves, add) : byText(select, add) };
  };
}

type PlaceOf = Representations['placeOf'];

/** Tells entities apart by the text of their representation. */
function byText(select: Select, add: PlaceOf): PlaceOf {
  const places = new Map<string, number>();
  return (entity) => {
    const text = JSON.stringify(select(entity) ?? null);
    const known = places.get(text);
    if (known !== undefined) return known;
    const place = add(entity);
    places.set(text, place);
    return place;
  };
}

/** The response keys of what is needed, when that is nothing but leaves. */
function leavesOf(nodes: readonly QueryPlanSelectionNode[]): string[] | undefined {
  const [fragment, other] = nodes;
  if (fragment?.kind !== 'InlineFragment' || other) return undefined;
  const keys = fragment.selections.flatMap((field) =>
    field.kind === 'Field' && !field.selections ? [field.alias ?? field.name] : [],
  );
  if (keys.length < fragment.selections.length) return undefined;
  return ['__typename', ...keys.filter((key) => key !== '__typename')];
}

/** The values of one leaf among entities that are alike in those before it. */
class Level {
  readonly inner = new Map<unknown, Level>();
  /** Of the last leaf. */
  readonly places = new Map<unknown, number>();
}

/**
 * Tells entities apart by their leaves, without building anything. Lists and
 * objects equal only themselves, and are then told twice.
 */
function byLeaves(keys: readonly string[], add: PlaceOf): PlaceOf {
  const root = new Level();
  const last = keys.at(-1) ?? '__typename';
  const others = keys.slice(0, -1);
  return (entity) => {
    let level = root;
    for (const key of others) {
      const value = valueAt(entity, key);
      let next = level.inner.get(value);
      if (!next) {
        next = new Level();
        level.inner.set(value, next);
      }
      level = next;
    }
    const value = valueAt(entity, last);
    const known = level.places.get(value);
    if (known !== undefined) return known;
    const place = add(entity);
    level.places.set(value, place);
    return place;
  };
}

/** Gives undefined when something that is selected never came. */
type Select = (source: Tree) => Tree | undefined;

function selector(nodes: readonly QueryPlanSelectionNode[], typesWithin: TypesWithin): Select {
  const parts = nodes.map((node) => part(node, typesWithin));
  return (source) => {
    const selected: Tree = {};
    for (const add of parts) if (!add(source, selected)) return undefined;
    return selected;
  };
}

/** An object of which not even the type came is not of another type. */
function typed(select: Select): Select {
  return (source) => (source['__typename'] === undefined ? undefined : select(source));
}

type Part = (source: Tree, selected: Tree) => boolean;

function part(node: QueryPlanSelectionNode, typesWithin: TypesWithin): Part {
  if (node.kind === 'InlineFragment') {
    const parts = node.selections.map((selection) => part(selection, typesWithin));
    const types = node.typeCondition === undefined ? undefined : typesWithin(node.typeCondition);
    return (source, selected) => {
      if (types && !types.has(String(source['__typename']))) return true;
      return parts.every((add) => add(source, selected));
    };
  }
  const key = node.alias ?? node.name;
  const inner = node.selections && selector(node.selections, typesWithin);
  return (source, selected) => {
    const value = valueAt(source, key);
    const chosen = inner ? within(value, inner) : value;
    if (chosen === undefined) return false;
    setAt(selected, key, chosen);
    return true;
  };
}

function within(value: unknown, select: Select): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => within(item, select));
    return items.includes(undefined) ? undefined : items;
  }
  return isTree(value) ? select(value) : value;
}
