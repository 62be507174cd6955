import type { GraphQLLeafType, GraphQLScalarType } from 'graphql';
import { isEnumType, isSpecifiedScalarType } from 'graphql';

/** How values of a scalar or enum are shown. */
export interface Leaf {
  /** Whether a value is shown as it is. Null and nothing never are. */
  readonly fits: (value: unknown) => boolean;
  /** Gives what is shown of any other value, or throws an error that says why there is nothing. */
  readonly serialize: (value: unknown) => unknown;
  /** Which values these are, where a test for it can be written in place. */
  readonly shown?: 'string' | 'boolean' | 'int';
}

/**
 * How a value, as a subgraph gave it in JSON, is shown.
 *
 * Built-in scalars are what GraphQL says they are: an ID is a string even when a
 * subgraph sends a number. A custom scalar passes as it is. An enum value that
 * the graph does not show is an error, not a leak.
 */
export function leafOf(type: GraphQLLeafType): Leaf {
  if (isEnumType(type)) {
    const names = new Set<unknown>(type.getValues().map(({ name }) => name));
    return {
      fits: (value) => names.has(value),
      serialize: () => {
        throw new Error(`Enum "${type.name}" cannot represent the value that was given.`);
      },
    };
  }
  if (!isSpecifiedScalarType(type)) {
    return { fits: (value) => value !== null && value !== undefined, serialize: (value) => value };
  }
  const shown = shownOf(type);
  return {
    fits: fitsOf(type),
    serialize: (value) => type.serialize(value),
    ...(shown ? { shown } : {}),
  };
}

function fitsOf({ name }: GraphQLScalarType): Leaf['fits'] {
  switch (name) {
    case 'String':
    case 'ID':
      return (value) => typeof value === 'string';
    case 'Boolean':
      return (value) => typeof value === 'boolean';
    case 'Int':
      return (value) => typeof value === 'number' && (value | 0) === value;
    default:
      return (value) => Number.isFinite(value);
  }
}

function shownOf({ name }: GraphQLScalarType): Leaf['shown'] {
  if (name === 'String' || name === 'ID') return 'string';
  if (name === 'Boolean') return 'boolean';
  return name === 'Int' ? 'int' : undefined;
}
