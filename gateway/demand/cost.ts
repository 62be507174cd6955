import type {
  FieldNode,
  GraphQLField,
  GraphQLInputType,
  GraphQLNamedType,
  GraphQLSchema,
  SelectionSetNode,
} from 'graphql';
import {
  getNamedType,
  getNullableType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  OperationTypeNode,
  valueFromASTUntyped,
} from 'graphql';
import type { CostRules } from './cost-rules.ts';
import type { Variables } from './cost-sizes.ts';
import { sizeOf, valueOf } from './cost-sizes.ts';
import type { SingleOperation } from '../hardening/document.ts';

/** What an operation costs, in weights of the objects that it reads and the inputs that it gives. */
export interface OperationCost {
  /**
   * What it may cost at most with these variables, as far as sizes of lists are
   * known. Throws BAD_USER_INPUT when a list needs a size and has none.
   */
  estimate(variables: Variables): number;
  /** What an answer did cost, by the objects that are in it. */
  actual(data: unknown): number;
}

export interface CostOptions {
  readonly schema: GraphQLSchema;
  readonly rules: CostRules;
  /** For lists of which nothing is said. */
  readonly listSizeDefault: number;
}

/** As in Apollo Router: an object is 1, a leaf nothing, and a mutation 10 by itself. */
const mutationWeight = 10;
const objectWeight = 1;

/**
 * Prepares the cost of a valid operation, by the GraphQL cost specification
 * (IBM) with Apollo's weights. A field that is selected twice is read once and
 * costs once. No cost is negative, whatever is asked for.
 */
export function operationCost(
  { schema, rules, listSizeDefault }: CostOptions,
  { operation, fragments }: SingleOperation,
): OperationCost {
  const compiler = new CostCompiler(schema, rules, listSizeDefault, fragments);
  const root = schema.getRootType(operation.operation) ?? undefined;
  const nodes = compiler.nodes([{ set: operation.selectionSet, type: root }], undefined);
  const base = operation.operation === OperationTypeNode.MUTATION ? mutationWeight : 0;
  const defaults = new Map(
    (operation.variableDefinitions ?? []).map(({ variable, defaultValue }) => [
      variable.name.value,
      defaultValue ? valueFromASTUntyped(defaultValue) : undefined,
    ]),
  );
  return {
    estimate: (variables) => base + sumOf(nodes, { ...Object.fromEntries(defaults), ...variables }),
    actual: (data) => base + actualOf(nodes, data),
  };
}

/** A field that costs something, or leads to such. */
interface CostNode {
  readonly key: string;
  readonly weight: number;
  readonly size: (variables: Variables) => number;
  readonly inputs: (variables: Variables) => number;
  readonly isIncluded: (variables: Variables) => boolean;
  readonly below: readonly CostNode[];
}

function sumOf(nodes: readonly CostNode[], variables: Variables): number {
  let sum = 0;
  for (const { weight, size, inputs, isIncluded, below } of nodes) {
    if (!isIncluded(variables)) continue;
    const each = Math.max(0, weight + sumOf(below, variables));
    sum += size(variables) * each + inputs(variables);
  }
  return sum;
}

function actualOf(nodes: readonly CostNode[], data: unknown): number {
  if (typeof data !== 'object' || data === null) return 0;
  let sum = 0;
  for (const node of nodes) sum += actualAt(node, (data as Record<string, unknown>)[node.key]);
  return sum;
}

function actualAt(node: CostNode, value: unknown): number {
  if (value === null || value === undefined) return 0;
  if (!Array.isArray(value)) return Math.max(0, node.weight + actualOf(node.below, value));
  let sum = 0;
  for (const item of value) sum += actualAt(node, item);
  return sum;
}

/** Fields below that hold as many items as their parent was asked for. */
interface Sized {
  readonly names: ReadonlySet<string>;
  readonly size: (variables: Variables) => number;
}

const nothing = (): number => 0;

interface Typed {
  readonly set: SelectionSetNode;
  readonly type: GraphQLNamedType | undefined;
}

interface TypedField {
  readonly node: FieldNode;
  readonly parent: string;
  readonly field: GraphQLField<unknown, unknown> | undefined;
}

class CostCompiler {
  readonly #schema: GraphQLSchema;
  readonly #rules: CostRules;
  readonly #listSizeDefault: number;
  readonly #fragments: SingleOperation['fragments'];

  constructor(
    schema: GraphQLSchema,
    rules: CostRules,
    listSizeDefault: number,
    fragments: SingleOperation['fragments'],
  ) {
    this.#schema = schema;
    this.#rules = rules;
    this.#listSizeDefault = listSizeDefault;
    this.#fragments = fragments;
  }

  nodes(sets: readonly Typed[], sized: Sized | undefined): readonly CostNode[] {
    const byKey = new Map<string, TypedField[]>();
    for (const { set, type } of sets) this.#collect(set, type, byKey, new Set());
    return [...byKey].flatMap(([key, fields]) => this.#node(key, fields, sized));
  }

  #collect(
    { selections }: SelectionSetNode,
    type: GraphQLNamedType | undefined,
    byKey: Map<string, TypedField[]>,
    spread: Set<string>,
  ): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const hasFields = isObjectType(type) || isInterfaceType(type);
        const field = hasFields ? type.getFields()[selection.name.value] : undefined;
        const key = (selection.alias ?? selection.name).value;
        const known = byKey.get(key) ?? [];
        known.push({ node: selection, parent: type?.name ?? '', field });
        byKey.set(key, known);
        continue;
      }
      const name = selection.kind === Kind.FRAGMENT_SPREAD ? selection.name.value : undefined;
      if (name !== undefined && spread.has(name)) continue;
      if (name !== undefined) spread.add(name);
      const fragment =
        selection.kind === Kind.FRAGMENT_SPREAD ? this.#fragments.get(name ?? '') : selection;
      if (!fragment) continue;
      const condition = fragment.typeCondition?.name.value;
      const inner = condition === undefined ? type : this.#schema.getType(condition);
      this.#collect(fragment.selectionSet, inner, byKey, spread);
    }
  }

  #node(key: string, fields: readonly TypedField[], sized: Sized | undefined): readonly CostNode[] {
    const [first] = fields;
    const type = first?.field && getNamedType(first.field.type);
    if (!first?.field || !type) return [];
    const coordinate = `${first.parent}.${first.field.name}`;
    const listSize = this.#rules.listSizes.get(coordinate);
    const own =
      listSize &&
      sizeOf(
        coordinate,
        listSize,
        { node: first.node, args: first.field.args },
        this.#listSizeDefault,
      );
    const sets = fields.flatMap(({ node, field }) =>
      node.selectionSet && field
        ? [{ set: node.selectionSet, type: getNamedType(field.type) }]
        : [],
    );
    const names = new Set(listSize?.sizedFields);
    const isOwnList = own !== undefined && names.size === 0;
    const below = this.nodes(sets, own && !isOwnList ? { names, size: own } : undefined);
    const weight = Math.max(...fields.map((one) => this.#weightOf(one)));
    const inputs = this.#inputsOf(first);
    if (weight === 0 && below.length === 0 && inputs === nothing) return [];
    const bySize = sized?.names.has(first.field.name) ? sized.size : isOwnList ? own : undefined;
    const isList = isListType(getNullableType(first.field.type));
    const size = bySize ?? (isList ? () => this.#listSizeDefault : () => 1);
    return [{ key, weight, size, inputs, below, isIncluded: inclusion(fields) }];
  }

  #weightOf({ parent, field }: TypedField): number {
    if (!field) return 0;
    const type = getNamedType(field.type);
    const { weights } = this.#rules;
    const fallback = isCompositeType(type) ? objectWeight : 0;
    return weights.get(`${parent}.${field.name}`) ?? weights.get(type.name) ?? fallback;
  }

  #inputsOf({ node, parent, field }: TypedField): CostNode['inputs'] {
    const given = (node.arguments ?? []).flatMap((argument) => {
      const definition = field?.args.find(({ name }) => name === argument.name.value);
      if (!definition) return [];
      const weight = this.#rules.weights.get(`${parent}.${node.name.value}.${definition.name}`);
      const isFree = weight === undefined && !isInputObjectType(getNamedType(definition.type));
      return isFree ? [] : [{ value: argument.value, type: definition.type, weight }];
    });
    if (given.length === 0) return nothing;
    return (variables) =>
      given.reduce((sum, { value, type, weight }) => {
        return sum + Math.max(0, this.#inputCost(valueOf(value, variables), type, weight));
      }, 0);
  }

  #inputCost(value: unknown, type: GraphQLInputType, weight: number | undefined): number {
    if (value === null || value === undefined) return 0;
    if (isNonNullType(type)) return this.#inputCost(value, type.ofType, weight);
    if (Array.isArray(value) && isListType(type)) {
      const itemType = type.ofType;
      return value.reduce<number>((sum, item) => sum + this.#inputCost(item, itemType, weight), 0);
    }
    const named = getNamedType(type);
    const own = weight ?? this.#rules.weights.get(named.name) ?? 0;
    if (!isInputObjectType(named) || typeof value !== 'object') return own;
    const fields = named.getFields();
    return Object.entries(value).reduce((sum, [name, inner]) => {
      const field = fields[name];
      if (!field) return sum;
      return (
        sum + this.#inputCost(inner, field.type, this.#rules.weights.get(`${named.name}.${name}`))
      );
    }, own);
  }
}

/** A field is read when one of its selections is. Conditions of fragments around it are not looked at. */
function inclusion(fields: readonly TypedField[]): (variables: Variables) => boolean {
  if (fields.some(({ node }) => (node.directives ?? []).length === 0)) return () => true;
  return (variables) =>
    fields.some(({ node: { directives = [] } }) =>
      directives.every(({ name, arguments: [given] = [] }) => {
        const value = given ? valueOf(given.value, variables) : undefined;
        if (name.value === 'skip') return value !== true;
        return name.value !== 'include' || value !== false;
      }),
    );
}
