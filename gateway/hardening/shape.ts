import type { FieldNode, GraphQLOutputType, SelectionSetNode } from 'graphql';
import { Kind } from 'graphql';
import { prefixes } from './names.ts';
import type { Rewritten } from './rewrite.ts';

/** The response keys of one object that mean something else to the client, or lead to such. */
export interface Shape {
  readonly fields: ReadonlyMap<string, ShapeField>;
  /** The types whose objects the caller may not see here. */
  readonly hidden: ReadonlySet<string>;
}

export interface ShapeField {
  /** The client's response key. */
  readonly key: string;
  readonly type: GraphQLOutputType | undefined;
  readonly is: 'value' | 'rejected' | 'apart' | 'ours';
  readonly below: Shape;
}

const noTypes: ReadonlySet<string> = new Set();
const nothing: Shape = { fields: new Map(), hidden: noTypes };

/**
 * What the answer to a rewritten operation looks like, as far as it has to be
 * undone. Undefined when the answer is already the client's.
 */
export function shapeOf(rewritten: Rewritten): Shape | undefined {
  const shape = collect([rewritten.operation.selectionSet], [], rewritten);
  return shape === nothing ? undefined : shape;
}

function collect(
  selectionSets: readonly SelectionSetNode[],
  parents: readonly FieldNode[],
  rewritten: Rewritten,
): Shape {
  const fields = new Map<string, ShapeField>();
  for (const [key, nodes] of byResponseKey(selectionSets, rewritten)) {
    const is = kindOf(key);
    const real = nodes.map((node) => rewritten.origins.get(node)?.apart ?? node);
    const below = collect(
      real.flatMap(({ selectionSet }) => selectionSet ?? []),
      real,
      is === 'apart' ? withFragmentsApart(rewritten) : rewritten,
    );
    const origin = nodes.map((node) => rewritten.origins.get(node)).find(Boolean);
    const clientKey = origin?.key ?? key;
    if (is === 'value' && clientKey === key && below === nothing) continue;
    fields.set(key, { key: clientKey, type: origin?.type, is, below });
  }
  const hidden = union(parents.map((node) => rewritten.origins.get(node)?.guarded ?? noTypes));
  return fields.size === 0 && hidden.size === 0 ? nothing : { fields, hidden };
}

function withFragmentsApart(rewritten: Rewritten): Rewritten {
  return { ...rewritten, fragments: rewritten.apartFragments ?? rewritten.fragments };
}

function kindOf(key: string): ShapeField['is'] {
  if (key.startsWith(prefixes.rejected)) return 'rejected';
  if (key.startsWith(prefixes.apart)) return 'apart';
  return key.startsWith(prefixes.type) || key.startsWith(prefixes.key) ? 'ours' : 'value';
}

function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((set) => [...set]));
}

/** The fields of one object, those of fragments included, that make up each response key. */
export function byResponseKey(
  selectionSets: readonly SelectionSetNode[],
  { fragments }: Pick<Rewritten, 'fragments'>,
): Map<string, FieldNode[]> {
  const found = new Map<string, FieldNode[]>();
  const spread = new Set<string>();
  const add = (set: SelectionSetNode): void => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        add(selection.selectionSet);
      } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        const fragment = fragments.get(name);
        if (!fragment || spread.has(name)) continue;
        spread.add(name);
        add(fragment.selectionSet);
      } else {
        const key = (selection.alias ?? selection.name).value;
        const nodes = found.get(key);
        if (nodes) nodes.push(selection);
        else found.set(key, [selection]);
      }
    }
  };
  for (const set of selectionSets) add(set);
  return found;
}
