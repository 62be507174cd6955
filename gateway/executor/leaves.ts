import type { GraphQLLeafType, GraphQLScalarType } from 'graphql';
import { isEnumType, isSpecifiedScalarType } from 'graphql';

/** Gives the value that a client sees, or throws an error that says why there is none. */
export type Serialize = (value: unknown) => unknown;

/**
 * How a value of a scalar or enum, as a subgraph gave it in JSON, is shown.
 *
 * Built-in scalars are what GraphQL says they are: an ID is a string even when a
 * subgraph sends a number. A custom scalar passes as it is. An enum value that
 * the graph does not show is an error, not a leak.
 */
export function serializer(type: GraphQLLeafType): Serialize {
  if (isEnumType(type)) {
    const names = new Set<unknown>(type.getValues().map(({ name }) => name));
    return (value) => {
      if (names.has(value)) return value;
      throw new Error(`Enum "${type.name}" cannot represent the value that was given.`);
    };
  }
  return isSpecifiedScalarType(type) ? builtIn(type) : (value) => value;
}

function builtIn(type: GraphQLScalarType): Serialize {
  const serialize = (value: unknown): unknown => type.serialize(value);
  switch (type.name) {
    case 'String':
    case 'ID':
      return (value) => (typeof value === 'string' ? value : serialize(value));
    case 'Boolean':
      return (value) => (typeof value === 'boolean' ? value : serialize(value));
    case 'Int':
      return (value) =>
        typeof value === 'number' && (value | 0) === value ? value : serialize(value);
    default:
      return (value) => (Number.isFinite(value) ? value : serialize(value));
  }
}
