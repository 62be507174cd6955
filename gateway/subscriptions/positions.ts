import type { DocumentNode, GraphQLSchema, SelectionSetNode } from 'graphql';
import {
  getNamedType,
  isCompositeType,
  isObjectType,
  isAbstractType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  visit,
} from 'graphql';

/** What a subscription's text says about its events. */
export interface EventFacts {
  /** Where an event stands in its log; undefined when it does not say so. */
  positionOf(data: unknown): string | undefined;
  /** The variables that play a part beside the root field's arguments. */
  readonly variables: readonly string[];
}

/**
 * Finds what identifies an event. A field that goes on after a cursor, whose
 * events hold cursors of the same scalar type, has events of which each has a
 * place of its own: `jobEvents(after: Cursor): JobEvent` with its `cursor`.
 */
export function eventFacts(schema: GraphQLSchema, document: DocumentNode): EventFacts {
  const found = known.get(schema)?.get(document);
  if (found) return found;
  const facts = read(schema, document);
  const ofSchema = known.get(schema) ?? new WeakMap<DocumentNode, EventFacts>();
  known.set(schema, ofSchema.set(document, facts));
  return facts;
}

const known = new WeakMap<GraphQLSchema, WeakMap<DocumentNode, EventFacts>>();
const nowhere = (): undefined => undefined;

function read(schema: GraphQLSchema, document: DocumentNode): EventFacts {
  const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const [root, ...more] =
    operation?.kind === Kind.OPERATION_DEFINITION ? operation.selectionSet.selections : [];
  const variables = variablesBeside(document, root?.kind === Kind.FIELD ? root.arguments : []);
  if (root?.kind !== Kind.FIELD || more.length > 0) return { positionOf: nowhere, variables };
  const names = cursorFields(schema, root.name.value);
  const keys = keysOf(document, root.selectionSet, names);
  const rootKey = (root.alias ?? root.name).value;
  return {
    variables,
    positionOf(data) {
      const event = isRecord(data) ? data[rootKey] : undefined;
      const key = isRecord(event) ? keys.find((one) => typeof event[one] === 'string') : undefined;
      return isRecord(event) && key !== undefined ? String(event[key]) : undefined;
    },
  };
}

/** The names of fields of a root field's events that hold what the field goes on after. */
function cursorFields(schema: GraphQLSchema, name: string): ReadonlySet<string> {
  const field = schema.getSubscriptionType()?.getFields()[name];
  const event = field && getNamedType(field.type);
  if (!event || !isCompositeType(event)) return new Set();
  const cursors = new Set<unknown>(
    field.args
      .map(({ type }) => getNamedType(type))
      .filter((type) => isScalarType(type) && !isSpecifiedScalarType(type)),
  );
  const objects = isAbstractType(event) ? schema.getPossibleTypes(event) : [event];
  return new Set(
    objects.flatMap((type) =>
      isObjectType(type)
        ? Object.values(type.getFields())
            .filter((one) => cursors.has(getNamedType(one.type)))
            .map((one) => one.name)
        : [],
    ),
  );
}

function keysOf(
  document: DocumentNode,
  set: SelectionSetNode | undefined,
  names: ReadonlySet<string>,
): readonly string[] {
  return (set?.selections ?? []).flatMap((selection) => {
    if (selection.kind === Kind.FIELD) {
      return names.has(selection.name.value) ? [(selection.alias ?? selection.name).value] : [];
    }
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      return keysOf(document, selection.selectionSet, names);
    }
    const fragment = document.definitions.find(
      (one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === selection.name.value,
    );
    return fragment?.kind === Kind.FRAGMENT_DEFINITION
      ? keysOf(document, fragment.selectionSet, names)
      : [];
  });
}

function variablesBeside(document: DocumentNode, leftOut: readonly unknown[] = []): string[] {
  const names = new Set<string>();
  visit(document, {
    VariableDefinition: () => false,
    Argument: (node) => (leftOut.includes(node) ? false : undefined),
    Variable: ({ name }) => {
      names.add(name.value);
    },
  });
  return [...names];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
