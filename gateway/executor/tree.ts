/** An object of an answer. The answers of all subgraphs grow together into one tree. */
export type Tree = Record<string, unknown>;

export type PathSegment = string | number;

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value under a response key, which a client chooses: what objects inherit,
 * such as `constructor`, is not there.
 */
export function valueAt(tree: Tree, key: string): unknown {
  // Answers hold no functions, and only one inherited property is anything else.
  if (key === '__proto__') return Object.hasOwn(tree, key) ? tree[key] : undefined;
  const value = tree[key];
  return typeof value === 'function' ? undefined : value;
}

/** Puts a value under a response key, whatever the key is. */
export function setAt(tree: Tree, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(tree, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else tree[key] = value;
}

/** Adds an answer to the part of the tree that it completes, in place. */
export type Grow = (target: Tree, source: Tree) => void;

/**
 * Makes the function that joins two answers about one object.
 *
 * Where both say something, null wins, because it stands beside an error or
 * says that there is no such thing; the order of arrival changes nothing. The
 * name of an object type stays when another subgraph knows only its interface.
 */
export function grower(isAbstract: (typename: unknown) => boolean): Grow {
  const grow: Grow = (target, source) => {
    // An answer inherits nothing that is enumerable, and this makes no list of its keys.
    for (const key in source) {
      const value = source[key];
      if (value === undefined) continue;
      const known = valueAt(target, key);
      if (known === value) continue;
      if (known === undefined) setAt(target, key, value);
      else if (key !== '__typename') setAt(target, key, joined(known, value));
      else if (isAbstract(known)) target[key] = value;
    }
  };
  const joined = (known: unknown, value: unknown): unknown => {
    if (known === null || value === null) return null;
    if (isTree(known) && isTree(value)) {
      grow(known, value);
      return known;
    }
    if (!Array.isArray(known) || !Array.isArray(value)) return value;
    if (known.length !== value.length) return value;
    for (let index = 0; index < known.length; index += 1) {
      known[index] = joined(known[index], value[index]);
    }
    return known;
  };
  return grow;
}

/** A copy that can grow apart from its original. */
export function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isTree(value)) return value;
  const copy: Tree = {};
  for (const key of Object.keys(value)) setAt(copy, key, copyOf(value[key]));
  return copy;
}
