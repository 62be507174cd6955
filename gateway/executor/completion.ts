import { bubble } from './bubble.ts';
import type { Leaf } from './leaves.ts';
import type { Shape } from './shape.ts';
import type { PathSegment } from './tree.ts';
import { isTree } from './tree.ts';
import type { Troubles } from './troubles.ts';

export interface Run {
  readonly troubles: Troubles;
  /** Where the object or list at hand stands. */
  readonly path: PathSegment[];
}

/** Gives what is shown of a value, or `bubble`, and then trouble has been told. */
export type Complete = (value: unknown, at: PathSegment, run: Run) => unknown;

export function nullable(present: Complete): Complete {
  return (value, at, run) => {
    if (value === null) return null;
    if (value === undefined) {
      run.troubles.missing(run.path, at);
      return null;
    }
    const shown = present(value, at, run);
    return shown === bubble ? null : shown;
  };
}

export function required(present: Complete, what: string): Complete {
  return (value, at, run) => {
    if (value !== null && value !== undefined) return present(value, at, run);
    run.troubles.lacking(run.path, at, value === undefined, what);
    return bubble;
  };
}

/** A leaf of whatever nullability: nearly always its value is shown as it is. */
export function leaf(type: Leaf, withNulls: (present: Complete) => Complete): Complete {
  const { fits, serialize } = type;
  const otherwise = withNulls((value, at, run) => {
    try {
      return serialize(value);
    } catch (cause) {
      run.troubles.unfit(run.path, at, cause instanceof Error ? cause.message : String(cause));
      return bubble;
    }
  });
  return (value, at, run) => (fits(value) ? value : otherwise(value, at, run));
}

export function list(item: Complete, what: string): Complete {
  return (value, at, run) => {
    if (!Array.isArray(value)) {
      run.troubles.unfit(run.path, at, `Expected a list, but did not find one for ${what}.`);
      return bubble;
    }
    run.path.push(at);
    const items: unknown[] = [];
    let isWhole = true;
    for (let index = 0; index < value.length; index += 1) {
      const shown = item(value[index], index, run);
      if (shown === bubble) isWhole = false;
      items.push(shown);
    }
    run.path.pop();
    return isWhole ? items : bubble;
  };
}

/** An object is shown by the shape of its type; one without a shape cannot stand here. */
export function object(shapeOf: (typename: unknown) => Shape | undefined, what: string): Complete {
  return (value, at, run) => {
    if (!isTree(value)) {
      run.troubles.unfit(run.path, at, `Expected an object, but did not find one for ${what}.`);
      return bubble;
    }
    const shape = shapeOf(value['__typename']);
    if (!shape) {
      run.troubles.unfit(run.path, at, `The object is of a type that cannot stand for ${what}.`);
      return bubble;
    }
    run.path.push(at);
    const shown = shape.show(value, run);
    run.path.pop();
    return shown;
  };
}

/** A field that cannot be known for the object at hand. */
export const bubbling: Complete = (_value, at, run) => {
  run.troubles.lacking(run.path, at, true, `field ${at}`);
  return bubble;
};
