import type { Complete, Run } from './completion.ts';
import { bubble } from './bubble.ts';
import type { Leaf } from './leaves.ts';
import type { Tree } from './tree.ts';
import { setAt, valueAt } from './tree.ts';

/** A field of an object as it is shown. */
export interface ShapeField {
  /** The response key. */
  readonly key: string;
  readonly complete: Complete;
  /** Of a leaf: the values that are shown as they are. */
  readonly shown: Leaf['shown'] | undefined;
}

type Show = (source: Tree, run: Run) => Tree | typeof bubble;

/**
 * What is shown of an object, in its order.
 *
 * An object that is shown again and again gets a function made for its keys:
 * reading them by name and making the object at once takes half the time of a
 * loop over them. Where making functions of text is forbidden (`node
 * --disallow-code-generation-from-strings`) the loop stays.
 */
export class Shape {
  readonly #fields: readonly ShapeField[];
  #timesShown = 0;
  #show: Show;

  constructor(fields: readonly ShapeField[]) {
    this.#fields = fields;
    this.#show = (source, run) => this.#loop(source, run);
  }

  /** Gives what is shown, or `bubble` when a field that must not be null is. */
  show(source: Tree, run: Run): Tree | typeof bubble {
    return this.#show(source, run);
  }

  #loop(source: Tree, run: Run): Tree | typeof bubble {
    this.#timesShown += 1;
    if (this.#timesShown === timesUntilMade) this.#show = made(this.#fields) ?? this.#show;
    const output: Tree = {};
    for (const { key, complete } of this.#fields) {
      const value = complete(valueAt(source, key), key, run);
      if (value === bubble) return bubble;
      setAt(output, key, value);
    }
    return output;
  }
}

/** Making a function costs about as much as showing so many objects. */
const timesUntilMade = 200;

function made(fields: readonly ShapeField[]): Show | undefined {
  const lines = fields.map(({ key, shown }, index) => {
    const name = JSON.stringify(key);
    const place = `v${String(index)}`;
    const read = key in Object.prototype ? `valueAt(source, ${name})` : `source[${name}]`;
    const otherwise = `(${place} = c${String(index)}(${place}, ${name}, run)) === bubble`;
    const fits = shown && tests[shown](place);
    return `let ${place} = ${read}; if (${fits ? `!(${fits}) && ` : ''}${otherwise}) return bubble;`;
  });
  // In a literal this one key would be the prototype.
  const members = fields.map(({ key }, index) => {
    const name = JSON.stringify(key);
    return `${key === '__proto__' ? `[${name}]` : name}: v${String(index)}`;
  });
  const body = `const [${fields.map((_, index) => `c${String(index)}`).join(', ')}] = completes;
    return (source, run) => { ${lines.join('\n')} return { ${members.join(', ')} }; };`;
  const completes = fields.map(({ complete }) => complete);
  try {
    // Nothing of a client's stands in it but response keys, each a JSON text.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
    return new Function('completes', 'bubble', 'valueAt', body)(completes, bubble, valueAt) as Show;
  } catch (cause) {
    if (cause instanceof EvalError) return undefined;
    throw cause;
  }
}

const tests: Readonly<Record<NonNullable<Leaf['shown']>, (value: string) => string>> = {
  string: (value) => `typeof ${value} === 'string'`,
  boolean: (value) => `typeof ${value} === 'boolean'`,
  int: (value) => `typeof ${value} === 'number' && (${value} | 0) === ${value}`,
};
