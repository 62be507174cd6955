import type { GraphQLSchema } from 'graphql';
import { isInterfaceType, isObjectType } from 'graphql';

/** The names that the hardening layer gives; a client's own that look like them are renamed. */
export const prefixes = {
  /** A client's response key that could be taken for something else. */
  alias: 'forgeAlias_',
  /** Stands where a field was that the caller may not read. */
  rejected: 'forgeNull_',
  /** Stands where a field was that is asked for apart. */
  apart: 'forgeApart_',
  /** Asks for the type of an object, which decides whether it may be seen. */
  type: 'forgeType_',
  /** Asks for a key, by which the objects of two answers are matched. */
  key: 'forgeKey_',
  variable: 'forgeVariable_',
} as const;

const reserved = /^forge(?:Alias|Null|Apart|Type|Key|Variable)_/;
/** The planner names fields `x__alias_0`, and the arguments that come from a context. */
const planners = /__alias_\d+$|^contextualArgument_/;
const ofObjects: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/**
 * Whether a response key means something to whoever plans, executes or undoes.
 *
 * Field names of every type count, those that clients cannot see included:
 * the executor keeps keys and `@requires` inputs beside the client's own
 * response keys, under exactly these names.
 */
export function takenKeys(supergraphSchema: GraphQLSchema): (key: string) => boolean {
  const names = new Set(['__typename', '_entities', '_service']);
  for (const type of Object.values(supergraphSchema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const name of Object.keys(type.getFields())) names.add(name);
  }
  return (key) => names.has(key) || isReserved(key);
}

/** Whether a name belongs to the layer, the planner or JavaScript, whatever the graph. */
export function isReserved(name: string): boolean {
  return reserved.test(name) || planners.test(name) || ofObjects.has(name);
}

/** Whether a variable's name is one that fetches need for themselves. */
export function isTakenVariable(name: string): boolean {
  return name === 'representations' || isReserved(name);
}
