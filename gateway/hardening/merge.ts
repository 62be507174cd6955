import type { ExecutionResult } from 'graphql';
import { GraphQLError } from 'graphql';
import { prefixes } from './names.ts';

type Value = Readonly<Record<string, unknown>>;

/** A value that came in another answer, in the place where a mark stood. */
export class Filled {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/**
 * Puts what was asked for apart into its places in the main answer.
 *
 * Objects are found again by type and key. A mark stays where the other answer
 * has no such object: the data changed in between, and no other object's value
 * may stand there.
 */
export function merged(main: ExecutionResult, apart: readonly ExecutionResult[]): ExecutionResult {
  let { data } = main;
  const errors = [...(main.errors ?? [])];
  const known = new Set(errors.map(textOf));
  for (const part of apart) {
    for (const error of part.errors ?? []) {
      const placed = readdressed(error, main.data, part.data);
      if (!known.has(textOf(placed))) errors.push(placed);
      known.add(textOf(placed));
    }
    if (data) data = filled(data, part.data ?? null) as NonNullable<typeof data>;
  }
  return {
    ...main,
    ...(data === undefined ? {} : { data }),
    ...(errors.length > 0 ? { errors } : {}),
  };
}

function textOf({ message, path }: GraphQLError): string {
  return JSON.stringify([message, path]);
}

function filled(main: unknown, part: unknown): unknown {
  if (Array.isArray(main)) {
    if (part === null) return main.map((item) => filled(item, null));
    const items = Array.isArray(part) ? (part as unknown[]) : [];
    const byIdentity = new Map(items.map((item) => [identityOf(item), item]));
    return main.map((item) => filled(item, byIdentity.get(identityOf(item))));
  }
  if (!isObject(main)) return main;
  if (part !== null && (!isObject(part) || identityOf(part) !== identityOf(main))) return main;
  return Object.fromEntries(
    Object.entries(main).map(([key, value]) => {
      const name = key.startsWith(prefixes.apart) ? key.slice(prefixes.apart.length) : undefined;
      if (name === undefined) {
        return [
          key,
          part === null || Object.hasOwn(part, key) ? filled(value, part?.[key] ?? null) : value,
        ];
      }
      if (value instanceof Filled) return [key, value];
      if (part === null) return [key, new Filled(null)];
      return [key, Object.hasOwn(part, name) ? new Filled(part[name]) : value];
    }),
  );
}

/** The same for the same entity only; nothing for what has no key. */
function identityOf(value: unknown): string {
  if (!isObject(value)) return '';
  const keys = Object.entries(value).filter(([key]) => key.startsWith(prefixes.key));
  return keys.length === 0 ? '' : JSON.stringify([value[prefixes.type], ...keys.sort()]);
}

/** The place of an error of another answer in the main one. */
function readdressed(error: GraphQLError, main: unknown, part: unknown): GraphQLError {
  if (!error.path) return error;
  const path: (string | number)[] = [];
  let [ours, theirs, isBelow] = [main, part, false];
  for (const segment of error.path) {
    let placed = segment;
    if (isBelow) {
      // Below a mark the other answer is the only one.
    } else if (typeof segment === 'number') {
      theirs = Array.isArray(theirs) ? (theirs[segment] as unknown) : undefined;
      const identity = identityOf(theirs);
      const items = Array.isArray(ours) ? (ours as unknown[]) : [];
      const index =
        identity === '' ? segment : items.findIndex((one) => identityOf(one) === identity);
      placed = index < 0 ? segment : index;
      ours = items[placed];
    } else {
      const mark = prefixes.apart + segment;
      isBelow = isObject(ours) && Object.hasOwn(ours, mark);
      if (isBelow) placed = mark;
      theirs = isObject(theirs) ? theirs[segment] : undefined;
      ours = isObject(ours) ? ours[segment] : undefined;
    }
    path.push(placed);
  }
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

function isObject(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
