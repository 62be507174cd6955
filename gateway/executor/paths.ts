import type { ResponsePath } from '@apollo/query-planner';
import type { PathSegment, Tree } from './tree.ts';
import { isTree, valueAt } from './tree.ts';

/** One step on the way from the root of the tree to the objects that a fetch completes. */
export type Step =
  | { readonly kind: 'field'; readonly key: string }
  /** Into every item of a list. */
  | { readonly kind: 'items' }
  /** On only for objects of these types. */
  | { readonly kind: 'types'; readonly names: ReadonlySet<string> };

/** Reads a plan's path, such as `nodes.@|[Book,Film].author`. */
export function stepsOf(path: ResponsePath): Step[] {
  return path.flatMap((element): Step[] => {
    const [, name = '', types] = /^([^|]*)(?:\|\[(.*)\])?$/s.exec(String(element)) ?? [];
    const step: Step[] =
      name === '@' ? [{ kind: 'items' }] : name === '' ? [] : [{ kind: 'field', key: name }];
    if (types !== undefined) step.push({ kind: 'types', names: new Set(types.split(',')) });
    return step;
  });
}

/** The response keys on a way, which is all that it has in common with a path of the client. */
export function keysOf(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => (step.kind === 'field' ? [step.key] : []));
}

/** A text that is the same for the same way. */
export function textOf(steps: readonly Step[]): string {
  return steps
    .map((step) => {
      if (step.kind === 'field') return `.${step.key}`;
      return step.kind === 'items' ? '@' : `|${[...step.names].join('|')}`;
    })
    .join('');
}

/** Whether one way leads through, or to, the end of the other. */
export function onOneLine(some: readonly PathSegment[], others: readonly PathSegment[]): boolean {
  const shorter = Math.min(some.length, others.length);
  for (let index = 0; index < shorter; index += 1) {
    if (some[index] !== others[index]) return false;
  }
  return true;
}

export type IsAbstract = (typename: unknown) => boolean;

/** Collects the objects at the end of a way, in the order of the response. */
export function objectsAt(root: Tree, steps: readonly Step[], isAbstract: IsAbstract): Tree[] {
  if (steps.length === 0) return [root];
  const found: Tree[] = [];
  collect(root, steps, 0, isAbstract, found);
  return found;
}

function collect(
  value: unknown,
  steps: readonly Step[],
  at: number,
  isAbstract: IsAbstract,
  found: Tree[],
): void {
  if (typeof value !== 'object' || value === null) return;
  const step = steps[at];
  if (step === undefined) {
    if (isTree(value)) found.push(value);
  } else if (step.kind === 'items') {
    if (!Array.isArray(value)) return;
    for (const item of value) collect(item, steps, at + 1, isAbstract, found);
  } else if (isTree(value)) {
    if (step.kind === 'field') collect(valueAt(value, step.key), steps, at + 1, isAbstract, found);
    else if (isOf(value, step.names, isAbstract)) collect(value, steps, at + 1, isAbstract, found);
  }
}

/** An object whose type is not known yet may be of any. */
function isOf(
  { __typename: typename }: Tree,
  names: ReadonlySet<string>,
  isAbstract: IsAbstract,
): boolean {
  return typeof typename !== 'string' || names.has(typename) || isAbstract(typename);
}

/** Tells where each object at the end of a way stands in the response. For errors only. */
export function locate(
  root: Tree,
  steps: readonly Step[],
  isAbstract: IsAbstract,
  visit: (object: Tree, path: readonly PathSegment[]) => void,
): void {
  const path: PathSegment[] = [];
  const walk = (value: unknown, at: number): void => {
    const step = steps[at];
    if (step === undefined) {
      if (isTree(value)) visit(value, path);
    } else if (step.kind === 'items') {
      if (!Array.isArray(value)) return;
      for (const [index, item] of value.entries()) {
        path.push(index);
        walk(item, at + 1);
        path.pop();
      }
    } else if (isTree(value)) {
      if (step.kind === 'types') {
        if (isOf(value, step.names, isAbstract)) walk(value, at + 1);
        return;
      }
      path.push(step.key);
      walk(valueAt(value, step.key), at + 1);
      path.pop();
    }
  };
  walk(root, 0);
}
