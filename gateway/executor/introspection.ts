import type {
  DocumentNode,
  GraphQLError,
  GraphQLSchema,
  SelectionNode,
  SelectionSetNode,
} from 'graphql';
import { executeSync, Kind, visit } from 'graphql';
import type { OperationText } from './selections.ts';
import { collectFields } from './selections.ts';
import type { Tree } from './tree.ts';

/** Answers what an operation asks about the graph itself. */
export type Introspect = (variables: Readonly<Record<string, unknown>>) => {
  readonly data: Tree;
  readonly errors: readonly GraphQLError[];
};

/** Gives undefined for an operation that asks nothing about the graph. */
export function introspection(schema: GraphQLSchema, text: OperationText): Introspect | undefined {
  const { operation, fragments } = text;
  const rootType = schema.getRootType(operation.operation);
  if (!rootType) return undefined;
  const fields = collectFields(text, schema, rootType.name, [operation.selectionSet]);
  const selections: readonly SelectionNode[] = [...fields.values()].flatMap((nodes) =>
    ['__schema', '__type'].includes(nodes[0].name.value) ? nodes : [],
  );
  if (selections.length === 0) return undefined;
  const selectionSet: SelectionSetNode = { kind: Kind.SELECTION_SET, selections };
  const used = new Set<string>();
  for (const node of [selectionSet, ...fragments.values()]) {
    visit(node, { Variable: ({ name }) => void used.add(name.value) });
  }
  const variableDefinitions = (operation.variableDefinitions ?? []).filter(({ variable }) =>
    used.has(variable.name.value),
  );
  const document: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [{ ...operation, variableDefinitions, selectionSet }, ...fragments.values()],
  };
  return (variables) => {
    const { data, errors = [] } = executeSync({ schema, document, variableValues: variables });
    return { data: { ...data }, errors };
  };
}
