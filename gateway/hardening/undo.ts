import type { ExecutionResult, GraphQLOutputType } from 'graphql';
import { GraphQLError, isListType, isNonNullType } from 'graphql';
import { Filled } from './merge.ts';
import { prefixes } from './names.ts';
import type { Shape, ShapeField } from './shape.ts';

/** A place of an answer, in the client's own response keys. */
export type Path = readonly (string | number)[];

export interface UndoRules {
  readonly shape: Shape;
  /** The error for a place that the caller may not read. */
  readonly refusal: (path: Path) => GraphQLError;
}

/**
 * Gives an answer the client's own response keys back, in its order, in its
 * data and in the paths of its errors.
 *
 * What the caller may not read is null there, with an error at its place, and
 * takes its parent along where the graph says it cannot be null. Errors about
 * what was below such a place are not told: they could say what it holds.
 */
export function undo(result: ExecutionResult, rules: UndoRules): ExecutionResult {
  const undoing = new Undoing(rules);
  const data = result.data ? undoing.object(result.data, rules.shape, []) : result.data;
  const errors = [
    ...(result.errors ?? [])
      .map((error) => readdressed(error, rules.shape))
      .filter((error) => !undoing.isBelowNull(error.path)),
    ...undoing.errors,
  ];
  const { extensions } = result;
  const completions: unknown = extensions?.['valueCompletion'];
  return {
    ...result,
    ...(data === undefined ? {} : { data: data === nulled ? null : data }),
    ...(errors.length > 0 ? { errors } : {}),
    ...(Array.isArray(completions)
      ? {
          extensions: {
            ...extensions,
            valueCompletion: completions.map((error: unknown) =>
              error instanceof GraphQLError ? readdressed(error, rules.shape) : error,
            ),
          },
        }
      : {}),
  };
}

/** More of them say nothing new and cost the client's memory. */
const refusalsMax = 100;

/** Stands for a value that is null by a rule, until a parent is found that may be null. */
const nulled = Symbol('nulled');

class Undoing {
  readonly errors: GraphQLError[] = [];
  readonly #refusal: UndoRules['refusal'];
  readonly #nulls = new Set<string>();

  constructor({ refusal }: UndoRules) {
    this.#refusal = refusal;
  }

  isBelowNull(path: Path | undefined): boolean {
    if (!path || this.#nulls.size === 0) return false;
    return path.some((_, index) => this.#nulls.has(addressOf(path.slice(0, index))));
  }

  object(
    value: Readonly<Record<string, unknown>>,
    shape: Shape,
    path: Path,
  ): Record<string, unknown> | typeof nulled {
    const type = value[prefixes.type];
    if (typeof type === 'string' && shape.hidden.has(type)) return this.#refuse(path);
    const fields: [string, unknown][] = [];
    const rejected = new Set<string>();
    for (const [key, item] of Object.entries(value)) {
      const field = shape.fields.get(key);
      if (!field) {
        fields.push([key, item]);
      } else if (field.is !== 'ours') {
        const restored = this.#field(item, field, [...path, field.key]);
        if (restored === nulled) return nulled;
        if (field.is === 'rejected') rejected.add(field.key);
        fields.push([field.key, restored]);
      }
    }
    if (rejected.size === 0) return Object.fromEntries(fields);
    return Object.fromEntries(fields.map(([key, item]) => [key, rejected.has(key) ? null : item]));
  }

  #field(value: unknown, field: ShapeField, path: Path): unknown {
    const isRequired = isNonNullType(field.type);
    if (field.is === 'value' || value instanceof Filled) {
      const own = value instanceof Filled ? value.value : value;
      if (own === null && value instanceof Filled && isRequired) return nulled;
      return this.#value(own, field.type, field.below, path);
    }
    if (field.is === 'rejected') this.#refuse(path);
    else this.errors.push(changedMeanwhile(path));
    return isRequired ? nulled : null;
  }

  #value(value: unknown, type: GraphQLOutputType | undefined, shape: Shape, path: Path): unknown {
    if (value === null || value === undefined || !leads(shape)) return value;
    if (isNonNullType(type)) return this.#present(value, type.ofType, shape, path);
    const present = this.#present(value, type, shape, path);
    return present === nulled ? null : present;
  }

  #present(value: unknown, type: GraphQLOutputType | undefined, shape: Shape, path: Path): unknown {
    if (Array.isArray(value)) {
      const itemType = isListType(type) ? (type.ofType as GraphQLOutputType) : undefined;
      const items = value.map((item, index) =>
        this.#value(item, itemType, shape, [...path, index]),
      );
      return items.includes(nulled) ? nulled : items;
    }
    if (typeof value !== 'object') return value;
    return this.object(value as Record<string, unknown>, shape, path);
  }

  #refuse(path: Path): typeof nulled {
    this.#nulls.add(addressOf(path));
    if (this.errors.length < refusalsMax) this.errors.push(this.#refusal(path));
    return nulled;
  }
}

function changedMeanwhile(path: Path): GraphQLError {
  return new GraphQLError('This changed while it was read. Read it again.', {
    path,
    extensions: { code: 'CONFLICT', retryable: true },
  });
}

function leads({ fields, hidden }: Shape): boolean {
  return fields.size > 0 || hidden.size > 0;
}

function addressOf(path: Path): string {
  return JSON.stringify(path);
}

function readdressed(error: GraphQLError, root: Shape): GraphQLError {
  if (!error.path) return error;
  let shape: Shape | undefined = root;
  const path = error.path.map((segment) => {
    if (typeof segment === 'number') return segment;
    const field: ShapeField | undefined = shape?.fields.get(segment);
    shape = field?.below;
    return field?.key ?? segment;
  });
  const { message, nodes, source, positions, originalError, extensions } = error;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path,
    originalError: originalError ?? error,
    extensions,
  });
}
