import type {
  ConstDirectiveNode,
  DocumentNode,
  FieldDefinitionNode,
  InputValueDefinitionNode,
} from 'graphql';
import { isTypeDefinitionNode, Kind, valueFromASTUntyped } from 'graphql';
import { directiveNames } from '../supergraph/directive-names.ts';

/** How many items a field gives, as `@listSize` says. */
export interface ListSize {
  readonly assumedSize: number | undefined;
  readonly slicingArguments: readonly string[];
  /** The fields below that hold the items; empty when the field itself is the list. */
  readonly sizedFields: readonly string[];
  readonly requireOneSlicingArgument: boolean;
}

/** What a supergraph says of costs. */
export interface CostRules {
  /** By `Type`, `Type.field`, `Type.field.argument` and `Input.field`. */
  readonly weights: ReadonlyMap<string, number>;
  /** By `Type.field`. */
  readonly listSizes: ReadonlyMap<string, ListSize>;
}

/**
 * Reads `@cost` and `@listSize` from a supergraph.
 *
 * A field that takes `first` or `last` and gives a connection is sized by them
 * where nothing else is said: that is what these names mean (Relay).
 */
export function costRules(supergraph: DocumentNode): CostRules {
  const reader = new CostReader(supergraph);
  const connections = connectionTypes(supergraph);
  for (const definition of supergraph.definitions) {
    if (!isTypeDefinitionNode(definition)) continue;
    const type = definition.name.value;
    reader.weigh(type, definition.directives ?? []);
    if (definition.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION) {
      for (const { name, directives = [] } of definition.fields ?? []) {
        reader.weigh(`${type}.${name.value}`, directives);
      }
    }
    const hasFields =
      definition.kind === Kind.OBJECT_TYPE_DEFINITION ||
      definition.kind === Kind.INTERFACE_TYPE_DEFINITION;
    if (!hasFields) continue;
    for (const field of definition.fields ?? []) reader.field(type, field, connections);
  }
  return reader;
}

class CostReader implements CostRules {
  readonly weights = new Map<string, number>();
  readonly listSizes = new Map<string, ListSize>();
  readonly #cost: ReadonlySet<string>;
  readonly #listSize: ReadonlySet<string>;

  constructor(supergraph: DocumentNode) {
    this.#cost = directiveNames(supergraph, 'cost', 'cost');
    this.#listSize = directiveNames(supergraph, 'cost', 'listSize');
  }

  weigh(coordinate: string, directives: readonly ConstDirectiveNode[]): void {
    const directive = directives.find(({ name }) => this.#cost.has(name.value));
    const weight = Number(directive && argumentOf(directive, 'weight'));
    if (Number.isFinite(weight)) this.weights.set(coordinate, weight);
  }

  field(type: string, field: FieldDefinitionNode, connections: ReadonlySet<string>): void {
    const coordinate = `${type}.${field.name.value}`;
    this.weigh(coordinate, field.directives ?? []);
    for (const { name, directives = [] } of field.arguments ?? []) {
      this.weigh(`${coordinate}.${name.value}`, directives);
    }
    const directive = field.directives?.find(({ name }) => this.#listSize.has(name.value));
    const size = directive ? listSizeOf(directive) : pageSizeOf(field, connections);
    if (size) this.listSizes.set(coordinate, size);
  }
}

function listSizeOf(directive: ConstDirectiveNode): ListSize {
  const assumedSize = argumentOf(directive, 'assumedSize');
  return {
    assumedSize: typeof assumedSize === 'number' ? Math.max(0, assumedSize) : undefined,
    slicingArguments: namesOf(argumentOf(directive, 'slicingArguments')),
    sizedFields: namesOf(argumentOf(directive, 'sizedFields')),
    requireOneSlicingArgument: argumentOf(directive, 'requireOneSlicingArgument') !== false,
  };
}

function namesOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? (value as unknown[]) : []).map(String);
}

function pageSizeOf(
  { type, arguments: given = [] }: FieldDefinitionNode,
  connections: ReadonlySet<string>,
): ListSize | undefined {
  const isPage = ({ name }: InputValueDefinitionNode) =>
    name.value === 'first' || name.value === 'last';
  const slicingArguments = given.filter(isPage).map(({ name }) => name.value);
  const named = type.kind === Kind.NON_NULL_TYPE ? type.type : type;
  const isConnection = named.kind === Kind.NAMED_TYPE && connections.has(named.name.value);
  if (slicingArguments.length === 0 || !isConnection) return undefined;
  return {
    assumedSize: undefined,
    slicingArguments,
    sizedFields: ['edges', 'nodes'],
    requireOneSlicingArgument: false,
  };
}

function connectionTypes({ definitions }: DocumentNode): ReadonlySet<string> {
  return new Set(
    definitions.flatMap((definition) =>
      definition.kind === Kind.OBJECT_TYPE_DEFINITION &&
      definition.fields?.some(({ name }) => name.value === 'edges' || name.value === 'nodes')
        ? [definition.name.value]
        : [],
    ),
  );
}

function argumentOf(directive: ConstDirectiveNode, name: string): unknown {
  const node = directive.arguments?.find((one) => one.name.value === name);
  if (!node) return undefined;
  const value: unknown = valueFromASTUntyped(node.value);
  return value;
}
