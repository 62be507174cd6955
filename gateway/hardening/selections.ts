import type { DocumentNode, FieldNode, GraphQLSchema } from 'graphql';
import { isInterfaceType, isObjectType, Kind, parse, valueFromASTUntyped, visit } from 'graphql';

/** A field set that the planner asks for by itself: a key, `@requires`, `@provides` or a context. */
export interface PlannedSelection {
  readonly type: string;
  /** Undefined for the keys of a type. */
  readonly field: string | undefined;
  readonly kind: 'key' | 'requires' | 'provides' | 'context';
  readonly text: string;
}

/** All field sets of a supergraph. */
export function plannedSelections(supergraph: DocumentNode): readonly PlannedSelection[] {
  const found: PlannedSelection[] = [];
  visit(supergraph, {
    ObjectTypeDefinition: (node) => {
      addTo(found, node);
    },
    InterfaceTypeDefinition: (node) => {
      addTo(found, node);
    },
  });
  return found;
}

type TypeNode = Extract<
  DocumentNode['definitions'][number],
  { kind: Kind.OBJECT_TYPE_DEFINITION | Kind.INTERFACE_TYPE_DEFINITION }
>;

function addTo(found: PlannedSelection[], { name, directives = [], fields = [] }: TypeNode): void {
  const type = name.value;
  const add = (
    node: (typeof directives)[number],
    argument: 'key' | 'requires' | 'provides',
    field: string | undefined,
  ): void => {
    const value = node.arguments?.find((one) => one.name.value === argument)?.value;
    if (value?.kind === Kind.STRING) found.push({ type, field, kind: argument, text: value.value });
  };
  for (const directive of directives) {
    if (directive.name.value === 'join__type') add(directive, 'key', undefined);
  }
  for (const field of fields) {
    for (const directive of field.directives ?? []) {
      if (directive.name.value !== 'join__field') continue;
      add(directive, 'requires', field.name.value);
      add(directive, 'provides', field.name.value);
      for (const text of contextSelections(directive)) {
        found.push({ type, field: field.name.value, kind: 'context', text });
      }
    }
  }
}

function contextSelections(
  directive: NonNullable<FieldNode['directives']>[number] | undefined,
): readonly string[] {
  const node = directive?.arguments?.find(({ name }) => name.value === 'contextArguments');
  const value: unknown = node ? valueFromASTUntyped(node.value) : undefined;
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: { readonly selection?: unknown }) =>
    typeof one.selection === 'string' ? [one.selection] : [],
  );
}

/**
 * The names of fields that take arguments and that the planner also asks for
 * by itself. A client's own arguments must not answer the planner's question.
 */
export function steerableNames(
  supergraph: DocumentNode,
  schema: GraphQLSchema,
): (name: string) => boolean {
  const withArguments = new Set<string>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (field.args.length > 0) withArguments.add(field.name);
    }
  }
  const names = new Set<string>();
  for (const { text } of plannedSelections(supergraph)) {
    visit(parse(selectionText(text)), {
      Field({ name }) {
        if (withArguments.has(name.value)) names.add(name.value);
      },
    });
  }
  return (name) => names.has(name);
}

/** A field set as a document of its own; those of contexts bring their braces. */
export function selectionText(text: string): string {
  return text.trim().startsWith('{') ? text : `{ ${text} }`;
}
