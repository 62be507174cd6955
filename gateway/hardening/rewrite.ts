import type {
  FieldNode,
  FragmentDefinitionNode,
  GraphQLNamedType,
  GraphQLOutputType,
  GraphQLSchema,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
} from 'graphql';
import { getNamedType, isInterfaceType, isObjectType, Kind } from 'graphql';
import type { SingleOperation } from './document.ts';
import { singleOperation } from './document.ts';
import { isReserved, prefixes } from './names.ts';

/** What has to change in an operation before it is planned. */
export interface Changes {
  /** Response keys that mean something to whoever plans or executes. */
  readonly isTaken: (key: string) => boolean;
  /** Fields that take arguments, and that the planner asks for by itself. */
  readonly isSteerable: (name: string) => boolean;
  /** Fields that the caller may not read. */
  readonly rejected: ReadonlySet<FieldNode>;
  /** Fields that may give objects of types which the caller may not see: these types. */
  readonly guarded: ReadonlyMap<FieldNode, ReadonlySet<string>>;
}

/** What stands behind a field of a rewritten operation. */
export interface Origin {
  /** Undefined for introspection. */
  readonly type: GraphQLOutputType | undefined;
  /** The response key that the client gave it. */
  readonly key: string;
  readonly rejected: FieldNode | undefined;
  readonly guarded: ReadonlySet<string> | undefined;
  /** The field that is asked for apart, where this one is only its mark. */
  readonly apart?: FieldNode;
}

export interface Rewritten extends SingleOperation {
  readonly origins: ReadonlyMap<FieldNode, Origin>;
  /** The fragments of fields that are asked for apart. */
  readonly apartFragments?: SingleOperation['fragments'];
}

/**
 * Rewrites a valid operation so that no name of the client's can stand where
 * the executor looks for its own.
 *
 * The new response key depends on the old one alone, so fields that merge
 * still do. A rejected field becomes `__typename` under a key of ours in its
 * place: type conditions, `@skip`, `@include` and order hold for it as before,
 * and no subgraph is asked for the field. An operation with nothing to change
 * is given back as it is.
 */
export function rewrite(
  schema: GraphQLSchema,
  single: SingleOperation,
  changes: Changes,
): Rewritten {
  const origins = new Map<FieldNode, Origin>();
  const rewriter = new Rewriter(schema, changes, origins);
  const operation = rewriter.operation(single.operation);
  const fragments = [...single.fragments.values()].map((fragment) => rewriter.fragment(fragment));
  const isSame =
    operation === single.operation &&
    fragments.every((fragment) => fragment === single.fragments.get(fragment.name.value));
  if (isSame) return { ...single, origins };
  const document = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] } as const;
  // A rejected field takes the fragments below it along.
  const reduced = singleOperation(document, undefined);
  if (!reduced) throw new Error('An operation was lost');
  return { ...reduced, origins };
}

class Rewriter {
  readonly #schema: GraphQLSchema;
  readonly #changes: Changes;
  readonly #origins: Map<FieldNode, Origin>;

  constructor(schema: GraphQLSchema, changes: Changes, origins: Map<FieldNode, Origin>) {
    this.#schema = schema;
    this.#changes = changes;
    this.#origins = origins;
  }

  operation(node: OperationDefinitionNode): OperationDefinitionNode {
    const root = this.#schema.getRootType(node.operation) ?? undefined;
    return this.#inside(node, this.#set(node.selectionSet, root));
  }

  fragment(node: FragmentDefinitionNode): FragmentDefinitionNode {
    const type = this.#schema.getType(node.typeCondition.name.value);
    return this.#inside(node, this.#set(node.selectionSet, type));
  }

  #set(set: SelectionSetNode, parent: GraphQLNamedType | undefined): SelectionSetNode {
    const selections = set.selections.map((selection) => this.#selection(selection, parent));
    const isSame = selections.every((selection, index) => selection === set.selections[index]);
    return isSame ? set : { ...set, selections };
  }

  #selection(selection: SelectionNode, parent: GraphQLNamedType | undefined): SelectionNode {
    if (selection.kind === Kind.FIELD) return this.#field(selection, parent);
    if (selection.kind === Kind.FRAGMENT_SPREAD) return selection;
    const condition = selection.typeCondition?.name.value;
    const type = condition === undefined ? parent : this.#schema.getType(condition);
    return this.#inside(selection, this.#set(selection.selectionSet, type));
  }

  #field(field: FieldNode, parent: GraphQLNamedType | undefined): FieldNode {
    const type = this.#typeOf(field, parent);
    const key = (field.alias ?? field.name).value;
    const rejected = this.#changes.rejected.has(field) ? field : undefined;
    const guarded = rejected ? undefined : this.#changes.guarded.get(field);
    const safe = rejected
      ? placeholder(prefixes.rejected + key, field)
      : this.#below(aliased(field, this.#safeKey(field)), type, guarded);
    this.#origins.set(safe, { type, key, rejected, guarded });
    return safe;
  }

  #below(
    field: FieldNode,
    type: GraphQLOutputType | undefined,
    guarded: ReadonlySet<string> | undefined,
  ): FieldNode {
    if (!field.selectionSet) return field;
    const set = this.#set(field.selectionSet, type && getNamedType(type));
    if (!guarded) return this.#inside(field, set);
    const selections = [placeholder(prefixes.type, undefined), ...set.selections];
    return { ...field, selectionSet: { ...set, selections } };
  }

  #safeKey(field: FieldNode): string {
    const { isTaken, isSteerable } = this.#changes;
    const name = field.name.value;
    const key = field.alias?.value ?? name;
    const isSafe = key === name ? !isReserved(name) && !isSteerable(name) : !isTaken(key);
    return isSafe ? key : prefixes.alias + key;
  }

  #typeOf(field: FieldNode, parent: GraphQLNamedType | undefined): GraphQLOutputType | undefined {
    if (!isObjectType(parent) && !isInterfaceType(parent)) return undefined;
    return parent.getFields()[field.name.value]?.type;
  }

  #inside<N extends { readonly selectionSet?: SelectionSetNode | undefined }>(
    node: N,
    selectionSet: SelectionSetNode,
  ): N {
    return node.selectionSet === selectionSet ? node : { ...node, selectionSet };
  }
}

function aliased(field: FieldNode, key: string): FieldNode {
  if (key === (field.alias ?? field.name).value) return field;
  return { ...field, alias: { kind: Kind.NAME, value: key } };
}

/** `__typename` under a key of ours, in the place and under the conditions of a field. */
export function placeholder(key: string, field: FieldNode | undefined): FieldNode {
  return {
    kind: Kind.FIELD,
    alias: { kind: Kind.NAME, value: key },
    name: { kind: Kind.NAME, value: '__typename' },
    ...(field?.directives ? { directives: field.directives } : {}),
  };
}
