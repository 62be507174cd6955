import type {
  DirectiveNode,
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql';
import { getOperationAST, GraphQLError, isAbstractType, Kind, visit } from 'graphql';

/** An operation of a document, with what reading its selections takes. */
export interface OperationText {
  readonly operation: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** The variables that @skip and @include hang on. */
  readonly switches: readonly string[];
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
  const switches = new Set<string>();
  visit(document, {
    Directive({ name, arguments: [argument] = [] }) {
      const isSwitch = name.value === 'skip' || name.value === 'include';
      if (isSwitch && argument?.value.kind === Kind.VARIABLE) switches.add(argument.value.name.value);
    },
  });
  return { operation, fragments, switches: [...switches].sort() };
}

/** The values of the variables that @skip and @include hang on. */
export type Switches = ReadonlyMap<string, boolean>;

/** The fields of a selection for objects of one type, under their response keys, in their order. */
export type Fields = ReadonlyMap<string, readonly [FieldNode, ...FieldNode[]]>;

/** Collects fields as the specification says, with every condition decided. */
export function collectFields(
  { fragments }: OperationText,
  schema: GraphQLSchema,
  switches: Switches,
  typename: string,
  selectionSets: readonly SelectionSetNode[],
): Fields {
  const fields = new Map<string, [FieldNode, ...FieldNode[]]>();
  const spread = new Set<string>();
  const applies = (condition: string | undefined): boolean => {
    if (condition === undefined || condition === typename) return true;
    const [type, within] = [schema.getType(typename), schema.getType(condition)];
    if (!isAbstractType(within) || !type || !('getFields' in type)) return false;
    return schema.isSubType(within, type as never);
  };
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (!isIncluded(selection.directives, switches)) continue;
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        const same = fields.get(key);
        if (same) same.push(selection);
        else fields.set(key, [selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (applies(selection.typeCondition?.name.value)) collect(selection.selectionSet);
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment && applies(fragment.typeCondition.name.value)) collect(fragment.selectionSet);
      }
    }
  };
  selectionSets.forEach(collect);
  return fields;
}

function isIncluded(directives: readonly DirectiveNode[] | undefined, switches: Switches): boolean {
  return (directives ?? []).every(({ name, arguments: [argument] = [] }) => {
    if (name.value !== 'skip' && name.value !== 'include') return true;
    return isOn(argument?.value, switches) === (name.value === 'include');
  });
}

function isOn(
  value: { readonly kind: string } | undefined,
  switches: Switches,
): boolean {
  if (value?.kind === Kind.BOOLEAN && 'value' in value) return value.value === true;
  if (value?.kind === Kind.VARIABLE && 'name' in value) {
    return switches.get((value.name as { value: string }).value) === true;
  }
  throw new GraphQLError('A condition is neither a variable nor a Boolean.');
}
