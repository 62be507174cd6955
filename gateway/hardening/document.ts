import type {
  DocumentNode,
  FragmentDefinitionNode,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql';
import { getOperationAST, Kind } from 'graphql';

/** One operation of a document with the fragments that it reaches, and nothing else. */
export interface SingleOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}

/**
 * Takes one operation out of a document, with the fragments that it reaches.
 * Undefined when the document does not say which one is meant. A document that
 * holds nothing else is kept as it is.
 */
export function singleOperation(
  document: DocumentNode,
  operationName: string | undefined,
): SingleOperation | undefined {
  const operation = getOperationAST(document, operationName);
  if (!operation) return undefined;
  const all = fragmentsOf(document);
  const reached = new Map<string, FragmentDefinitionNode>();
  const pending: SelectionSetNode[] = [operation.selectionSet];
  for (let set = pending.pop(); set; set = pending.pop()) {
    for (const selection of set.selections) {
      if (selection.kind !== Kind.FRAGMENT_SPREAD) {
        if (selection.selectionSet) pending.push(selection.selectionSet);
        continue;
      }
      const name = selection.name.value;
      const fragment = all.get(name);
      if (!fragment || reached.has(name)) continue;
      reached.set(name, fragment);
      pending.push(fragment.selectionSet);
    }
  }
  const isWhole = document.definitions.length === reached.size + 1;
  const definitions = isWhole ? document.definitions : [operation, ...reached.values()];
  return {
    document: isWhole ? document : { kind: Kind.DOCUMENT, definitions },
    operation,
    fragments: reached,
  };
}

function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  return fragments;
}
