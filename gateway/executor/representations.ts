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
  const select = selector(requires, typesWithin);
  const keyOf = flatKey(requires, typesWithin) ?? ((entity) => JSON.stringify(select(entity)));
  return () => {
    const list: Tree[] = [];
    const places = new Map<unknown, number>();
    const add = (entity: Tree): number => {
      const representation = select(entity);
      if (representation === undefined) return lacking;
      if (representation['__typename'] == null) return otherType;
      rewrite(representation);
      return list.push(representation) - 1;
    };
    return {
      list,
      placeOf(entity) {
        const key = keyOf(entity);
        const known = places.get(key);
        if (known !== undefined) return known;
        const place = add(entity);
        places.set(key, place);
        return place;
      },
    };
  };
}

/** Tells entities apart without building anything, when only leaves are needed. */
function flatKey(
  [fragment, other]: readonly QueryPlanSelectionNode[],
  typesWithin: TypesWithin,
): ((entity: Tree) => unknown) | undefined {
  if (fragment?.kind !== 'InlineFragment' || other) return undefined;
  const fields = fragment.selections.flatMap((field) =>
    field.kind === 'Field' && !field.selections ? [field.alias ?? field.name] : [],
  );
  if (fields.length < fragment.selections.length) return undefined;
  const keys = fields.filter((key) => key !== '__typename');
  const [key = '', another] = keys;
  const types = typesWithin(fragment.typeCondition ?? '');
  if (another !== undefined || types.size > 1) return (entity) => textOf(entity, keys);
  return (entity) => {
    return types.has(String(entity['__typename'])) ? valueAt(entity, key) : anyOtherType;
  };
}

const anyOtherType = Symbol('any other type');

function textOf(entity: Tree, keys: readonly string[]): string {
  let text = `:${String(entity['__typename'])}`;
  for (const key of keys) {
    const value = valueAt(entity, key);
    text += typeof value === 'string' ? `"${value.length}:${value}` : `|${JSON.stringify(value)}`;
  }
  return text;
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
