import type { OperationDefinitionNode, VariableDefinitionNode } from 'graphql';
import { Kind, parse, print, stripIgnoredCharacters, visit } from 'graphql';

export interface MergedQuery {
  readonly query: string;
  /** The response key of each operation's entities, in the order given. */
  readonly responseKeys: readonly string[];
  /** The name of the variable that takes each operation's representations. */
  readonly variables: readonly string[];
}

/**
 * Writes several operations for entities of one subgraph as one, each under an
 * alias of its own. One alone stays as the planner wrote it.
 */
export function mergedQuery(
  operations: readonly string[],
  takenVariables: readonly string[],
): MergedQuery {
  const [only, ...more] = operations;
  if (only === undefined || more.length === 0) {
    return { query: only ?? '', responseKeys: ['_entities'], variables: ['representations'] };
  }
  let prefix = 'representations_';
  while (takenVariables.some((name) => name.startsWith(prefix))) prefix = `_${prefix}`;
  const parts = operations.map((text, index) => renamed(text, index, prefix));
  const [first] = parts;
  if (!first) throw new Error('Nothing to merge');
  const definitions = new Map<string, VariableDefinitionNode>();
  for (const { variableDefinitions = [] } of parts) {
    for (const definition of variableDefinitions) {
      definitions.set(definition.variable.name.value, definition);
    }
  }
  const merged: OperationDefinitionNode = {
    ...first,
    variableDefinitions: [...definitions.values()],
    selectionSet: {
      kind: Kind.SELECTION_SET,
      selections: parts.flatMap(({ selectionSet }) => selectionSet.selections),
    },
  };
  return {
    query: stripIgnoredCharacters(print(merged)),
    responseKeys: operations.map((_, index) => responseKey(index)),
    variables: operations.map((_, index) => `${prefix}${index}`),
  };
}

const responseKey = (index: number): string => `_entities_${index}`;

function renamed(text: string, index: number, prefix: string): OperationDefinitionNode {
  const document = parse(text, { noLocation: true });
  const [operation] = document.definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error(`No operation: ${text}`);
  return visit(operation, {
    Variable: (node) =>
      node.name.value === 'representations'
        ? { ...node, name: { ...node.name, value: `${prefix}${index}` } }
        : undefined,
    Field: (node) =>
      node.name.value === '_entities'
        ? { ...node, alias: { kind: Kind.NAME, value: responseKey(index) } }
        : undefined,
  });
}
