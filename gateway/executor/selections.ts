import type {
  DirectiveNode,
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
} from 'graphql';
import {
  getOperationAST,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  Kind,
  visit,
} from 'graphql';

/** An operation of a document, with what reading its selections takes. */
export interface OperationText {
  readonly operation: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}

export function operationText(
  document: DocumentNode,
  operationName: string | undefined,
): OperationText {
  const operation = getOperationAST(document, operationName);
  if (!operation) throw new Error('The document has no such operation');
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  return { operation, fragments };
}

/** The variables of an operation that @skip and @include hang on. */
export function switchNames({ operation, fragments }: OperationText): string[] {
  const used = new Set<string>();
  for (const node of [operation, ...fragments.values()]) {
    visit(node, {
      Directive(directive) {
        const value = isCondition(directive) ? directive.arguments?.[0]?.value : undefined;
        if (value?.kind === Kind.VARIABLE) used.add(value.name.value);
      },
    });
  }
  return (operation.variableDefinitions ?? [])
    .map(({ variable }) => variable.name.value)
    .filter((name) => used.has(name));
}

/** The values of the variables that @skip and @include hang on. */
export type Switches = ReadonlyMap<string, boolean>;

/** Takes an operation for given values: what is skipped is gone, and so are the conditions. */
export function decided(
  { operation, fragments }: OperationText,
  switches: Switches,
): OperationText {
  return {
    operation: without(operation, switches),
    fragments: new Map(
      [...fragments].map(([name, fragment]) => [name, without(fragment, switches)]),
    ),
  };
}

function without<T extends OperationDefinitionNode | FragmentDefinitionNode>(
  definition: T,
  switches: Switches,
): T {
  const drop = (node: SelectionNode): SelectionNode | null | undefined => {
    const { directives = [] } = node;
    if (!directives.some(isCondition)) return undefined;
    if (!directives.every((directive) => isMet(directive, switches))) return null;
    return { ...node, directives: directives.filter((directive) => !isCondition(directive)) };
  };
  return visit<T>(definition, { Field: drop, InlineFragment: drop, FragmentSpread: drop });
}

function isCondition({ name }: DirectiveNode): boolean {
  return name.value === 'skip' || name.value === 'include';
}

function isMet(directive: DirectiveNode, switches: Switches): boolean {
  if (!isCondition(directive)) return true;
  const value = directive.arguments?.[0]?.value;
  const isOn =
    value?.kind === Kind.VARIABLE
      ? switches.get(value.name.value) === true
      : value?.kind === Kind.BOOLEAN && value.value;
  return isOn === (directive.name.value === 'include');
}

/**
 * An operation as a planner reads it: a selection of which nothing was left
 * asks for the type's name, since a text cannot say nothing.
 */
export function documentOf({ operation, fragments }: OperationText): DocumentNode {
  const document: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [operation, ...fragments.values()],
  };
  return visit(document, {
    SelectionSet: (set) => (set.selections.length > 0 ? undefined : nothingLeft),
  });
}

/** What is asked for where nothing is. */
export const nothingLeft: SelectionSetNode = {
  kind: Kind.SELECTION_SET,
  selections: [{ kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } }],
};

/** The fields of a selection for objects of one type, under their response keys, in their order. */
export type Fields = ReadonlyMap<string, readonly [FieldNode, ...FieldNode[]]>;

/** Collects the fields of a decided operation as the specification says. */
export function collectFields(
  text: OperationText,
  schema: GraphQLSchema,
  typename: string,
  selectionSets: readonly SelectionSetNode[],
): Fields {
  return fieldsWhere(text, (condition) => applies(schema, condition, typename), selectionSets);
}

/** Collects the fields that stand under no type condition but those which hold. */
export function fieldsWhere(
  { fragments }: Pick<OperationText, 'fragments'>,
  holds: (condition: string | undefined) => boolean,
  selectionSets: readonly SelectionSetNode[],
): Fields {
  const fields = new Map<string, [FieldNode, ...FieldNode[]]>();
  const spread = new Set<string>();
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        const same = fields.get(key);
        if (same) same.push(selection);
        else fields.set(key, [selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (holds(selection.typeCondition?.name.value)) collect(selection.selectionSet);
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment && holds(fragment.typeCondition.name.value)) collect(fragment.selectionSet);
      }
    }
  };
  selectionSets.forEach(collect);
  return fields;
}

function applies(schema: GraphQLSchema, condition: string | undefined, typename: string): boolean {
  if (condition === undefined || condition === typename) return true;
  const [type, within] = [schema.getType(typename), schema.getType(condition)];
  if (!isAbstractType(within)) return false;
  return (isObjectType(type) || isInterfaceType(type)) && schema.isSubType(within, type);
}
