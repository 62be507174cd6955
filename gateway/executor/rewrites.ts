import type { FetchDataRewrite } from '@apollo/query-planner';
import type { TypesWithin } from './representations.ts';
import type { PathSegment, Tree } from './tree.ts';
import { isTree, setAt, valueAt } from './tree.ts';

export type Rewrite = (value: unknown) => void;

/**
 * Compiles what a plan changes in a representation before it is sent, or in an
 * answer when it has come: the type's name for a subgraph that knows only the
 * interface, and response keys that the planner had to rename.
 */
export function rewriter(
  rewrites: readonly FetchDataRewrite[] | undefined,
  typesWithin: TypesWithin,
): Rewrite {
  const all = (rewrites ?? []).map((rewrite) => compiled(rewrite, typesWithin));
  return (value) => {
    for (const rewrite of all) rewrite(value);
  };
}

const fragmentPrefix = '... on ';

function compiled(rewrite: FetchDataRewrite, typesWithin: TypesWithin): Rewrite {
  const key = rewrite.path.at(-1) ?? '';
  let apply: Rewrite = (value) => {
    if (!isTree(value)) return;
    if (rewrite.kind === 'ValueSetter') setAt(value, key, rewrite.setValueTo);
    else rename(value, key, rewrite.renameKeyTo);
  };
  for (const element of rewrite.path.slice(0, -1).reverse()) {
    apply = below(element, inAll(apply), typesWithin);
  }
  return inAll(apply);
}

/** The same for a value and for each item of a list of them. */
function inAll(apply: Rewrite): Rewrite {
  const all: Rewrite = (value) => {
    if (Array.isArray(value)) value.forEach(all);
    else apply(value);
  };
  return all;
}

function below(element: string, apply: Rewrite, typesWithin: TypesWithin): Rewrite {
  if (!element.startsWith(fragmentPrefix)) {
    return (value) => {
      if (isTree(value)) apply(valueAt(value, element));
    };
  }
  const types = typesWithin(element.slice(fragmentPrefix.length));
  return (value) => {
    if (!isTree(value)) return;
    const typename = value['__typename'];
    if (typeof typename !== 'string' || types.has(typename)) apply(value);
  };
}

function rename(tree: Tree, key: string, name: string): void {
  const value = valueAt(tree, key);
  if (value === undefined) return;
  setAt(tree, name, value);
  tree[key] = undefined;
}

/** Where an answer's path stands once its keys are renamed. */
export function renamedPath(
  path: readonly PathSegment[],
  rewrites: readonly FetchDataRewrite[] | undefined,
): PathSegment[] {
  const renamed = [...path];
  for (const rewrite of rewrites ?? []) {
    if (rewrite.kind !== 'KeyRenamer') continue;
    const keys = rewrite.path.filter((element) => !element.startsWith(fragmentPrefix));
    let matched = 0;
    for (let index = 0; index < renamed.length && matched < keys.length; index += 1) {
      if (typeof renamed[index] === 'number') continue;
      if (renamed[index] !== keys[matched]) break;
      matched += 1;
      if (matched === keys.length) renamed[index] = rewrite.renameKeyTo;
    }
  }
  return renamed;
}
