import type { FetchDataRewrite } from '@apollo/query-planner';
import type { SelectionSetNode } from 'graphql';
import { Kind } from 'graphql';
import { renamedPath } from './rewrites.ts';

/** The response keys that a fetch gives, whatever the types of its objects are. */
export type FieldTree = Map<string, FieldTree>;

/** Reads the response keys of a selection, as they are called in the tree. */
export function fieldTree(
  selectionSet: SelectionSetNode,
  rewrites: readonly FetchDataRewrite[] | undefined,
): FieldTree {
  const tree: FieldTree = new Map();
  add(tree, selectionSet, [], rewrites);
  return tree;
}

function add(
  tree: FieldTree,
  { selections }: SelectionSetNode,
  path: readonly string[],
  rewrites: readonly FetchDataRewrite[] | undefined,
): void {
  for (const selection of selections) {
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      add(tree, selection.selectionSet, path, rewrites);
    } else if (selection.kind === Kind.FIELD) {
      const own = [...path, (selection.alias ?? selection.name).value];
      const key = String(renamedPath(own, rewrites).at(-1));
      const inner = tree.get(key) ?? new Map<string, FieldTree>();
      tree.set(key, inner);
      if (selection.selectionSet) add(inner, selection.selectionSet, own, rewrites);
    }
  }
}

/** Whether the tree has the field at a path of response keys. */
export function hasField(tree: FieldTree, keys: readonly string[]): boolean {
  let at: FieldTree | undefined = tree;
  for (const key of keys) {
    at = at.get(key);
    if (!at) return false;
  }
  return true;
}
