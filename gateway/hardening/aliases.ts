import type {
  DocumentNode,
  ExecutionResult,
  FieldNode,
  FragmentDefinitionNode,
  GraphQLSchema,
  SelectionSetNode,
} from 'graphql';
import { getOperationAST, GraphQLError, isInterfaceType, isObjectType, Kind, visit } from 'graphql';

/** A document whose aliases cannot stand where a field is expected, and the way back. */
export interface Hardened {
  readonly document: DocumentNode;
  /** Gives a result the client's own response keys back, in its data and its error paths. */
  readonly restore: (result: ExecutionResult, operationName: string | undefined) => ExecutionResult;
}

/**
 * Renames aliases that are also field names of the graph.
 *
 * The executor keeps key fields and `@requires` inputs beside the client's own
 * response keys. An alias such as `id: label(text: "...")` would take the place
 * of a key, and let a client choose what the next subgraph is asked about. The
 * new name depends on the alias alone, so fields that merge still do.
 */
export function aliasHardening(
  supergraphSchema: GraphQLSchema,
): (document: DocumentNode) => Hardened {
  const isTaken = takenNames(supergraphSchema);
  const known = new WeakMap<DocumentNode, Hardened>();
  return (document) => {
    const hardened = known.get(document) ?? harden(document, isTaken);
    known.set(document, hardened);
    return hardened;
  };
}

const prefix = 'forgeAlias_';

function takenNames(schema: GraphQLSchema): (name: string) => boolean {
  const names = new Set(['__typename']);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const name of Object.keys(type.getFields())) names.add(name);
  }
  // The last two are ours and the planner's own.
  return (name) => names.has(name) || name.startsWith(prefix) || /__alias_\d+$/.test(name);
}

function harden(document: DocumentNode, isTaken: (name: string) => boolean): Hardened {
  const safe = visit(document, {
    Field(field): FieldNode | undefined {
      const name = field.name.value;
      const key = field.alias?.value ?? name;
      const isSafe = key === name ? !name.startsWith(prefix) : !isTaken(key);
      if (isSafe) return undefined;
      return { ...field, alias: { kind: Kind.NAME, value: prefix + key } };
    },
  });
  if (safe === document) return { document, restore: (result) => result };

  const shapes = new Map<string | undefined, Shape>();
  return {
    document: safe,
    restore(result, operationName) {
      const shape = shapes.get(operationName) ?? shapeOf(safe, operationName);
      shapes.set(operationName, shape);
      return restored(result, shape);
    },
  };
}

/** The response keys of one object that were renamed, or that lead to renamed ones. */
type Shape = Map<string, { readonly key: string; readonly inner: Shape }>;

function shapeOf(document: DocumentNode, operationName: string | undefined): Shape {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  const shape: Shape = new Map();
  const operation = getOperationAST(document, operationName);
  if (operation) collect([operation.selectionSet], fragments, shape);
  prune(shape);
  return shape;
}

function collect(
  selectionSets: readonly SelectionSetNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  shape: Shape,
): void {
  const inner = new Map<string, SelectionSetNode[]>();
  const spread = new Set<string>();
  const pending = [...selectionSets];
  for (let set = pending.pop(); set; set = pending.pop()) {
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        pending.push(selection.selectionSet);
      } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments.get(selection.name.value);
        if (!fragment || spread.has(selection.name.value)) continue;
        spread.add(selection.name.value);
        pending.push(fragment.selectionSet);
      } else {
        const key = (selection.alias ?? selection.name).value;
        const sets = inner.get(key) ?? [];
        if (selection.selectionSet) sets.push(selection.selectionSet);
        inner.set(key, sets);
      }
    }
  }
  for (const [key, sets] of inner) {
    const below: Shape = new Map();
    collect(sets, fragments, below);
    shape.set(key, { key: key.startsWith(prefix) ? key.slice(prefix.length) : key, inner: below });
  }
}

/** Leaves only what restoring has to visit. */
function prune(shape: Shape): void {
  for (const [key, entry] of shape) {
    prune(entry.inner);
    if (entry.key === key && entry.inner.size === 0) shape.delete(key);
  }
}

function restored(result: ExecutionResult, shape: Shape): ExecutionResult {
  const { errors, data, extensions } = result;
  const completions = extensions?.['valueCompletion'];
  return {
    ...result,
    ...(data ? { data: restoredValue(data, shape) as NonNullable<typeof data> } : {}),
    ...(errors ? { errors: errors.map((error) => restoredError(error, shape)) } : {}),
    ...(Array.isArray(completions)
      ? {
          extensions: {
            ...extensions,
            valueCompletion: completions.map((error: unknown) =>
              error instanceof GraphQLError ? restoredError(error, shape) : error,
            ),
          },
        }
      : {}),
  };
}

function restoredValue(value: unknown, shape: Shape): unknown {
  if (shape.size === 0 || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => restoredValue(item, shape));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const entry = shape.get(key);
      return entry ? [entry.key, restoredValue(item, entry.inner)] : [key, item];
    }),
  );
}

function restoredError(error: GraphQLError, root: Shape): GraphQLError {
  if (!error.path) return error;
  let shape: Shape | undefined = root;
  const path = error.path.map((segment) => {
    if (typeof segment === 'number') return segment;
    const entry = shape?.get(segment);
    shape = entry?.inner;
    return entry?.key ?? segment;
  });
  const { message, nodes, source, positions, originalError, extensions } = error;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path,
    originalError: originalError ?? error,
    extensions,
  });
}
