import type {
  FieldNode,
  GraphQLInterfaceType,
  GraphQLObjectType,
  GraphQLOutputType,
  GraphQLSchema,
  SelectionSetNode,
} from 'graphql';
import {
  isAbstractType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
} from 'graphql';
import { bubble } from './bubble.ts';
import type { Complete } from './completion.ts';
import { bubbling, leaf, list, nullable, object, required } from './completion.ts';
import { leafOf } from './leaves.ts';
import type { OperationText } from './selections.ts';
import { collectFields } from './selections.ts';
import { Shape } from './shape.ts';
import type { ShapeField } from './shape.ts';
import type { Tree } from './tree.ts';
import type { Troubles } from './troubles.ts';

/** Makes the client's answer of the tree; null when null has bubbled up to the top. */
export type Project = (tree: Tree, troubles: Troubles) => Tree | null;

/**
 * Compiles what the client asked for, with every condition decided, into the
 * function that picks it from the tree: keys in the order of the specification,
 * leaves as the API says, nulls where the specification puts them, and nothing
 * else, whatever subgraphs were asked for or gave besides.
 */
export function projection(schema: GraphQLSchema, text: OperationText): Project {
  const { operation } = text;
  const type = schema.getRootType(operation.operation);
  if (!type) throw new Error(`The graph has no ${operation.operation}`);
  const shape = shapeOf({ schema, text }, type, [operation.selectionSet]);
  return (tree, troubles) => {
    const data = shape.show(tree, { troubles, path: [] });
    return data === bubble ? null : data;
  };
}

/** What compiling needs everywhere. */
interface Source {
  readonly schema: GraphQLSchema;
  readonly text: OperationText;
}

type SelectionSets = readonly SelectionSetNode[];

/** What is shown of the objects of one type; of an interface, when no more is known of them. */
function shapeOf(
  source: Source,
  type: GraphQLObjectType | GraphQLInterfaceType,
  sets: SelectionSets,
): Shape {
  const { text, schema } = source;
  const fields = [...collectFields(text, schema, type.name, sets)];
  return new Shape(fields.map(([key, nodes]) => fieldOf(source, type, key, nodes)));
}

function fieldOf(
  source: Source,
  type: GraphQLObjectType | GraphQLInterfaceType,
  key: string,
  nodes: readonly [FieldNode, ...FieldNode[]],
): ShapeField {
  const name = nodes[0].name.value;
  if (name === '__typename') {
    return field(key, isObjectType(type) ? () => type.name : bubbling);
  }
  // Introspection was answered before, as a part of the tree.
  if (name === '__schema' || name === '__type') return field(key, (value) => value ?? null);
  const definition = type.getFields()[name];
  if (!definition) throw new Error(`${type.name} has no field ${name}`);
  const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
  const complete = typed(source, definition.type, sets, `field ${type.name}.${name}`);
  const inner = isNonNullType(definition.type) ? definition.type.ofType : definition.type;
  return field(key, complete, isLeafType(inner) ? leafOf(inner).shown : undefined);
}

function field(key: string, complete: Complete, shown?: ShapeField['shown']): ShapeField {
  return { key, complete, shown };
}

function typed(
  source: Source,
  type: GraphQLOutputType,
  sets: SelectionSets,
  what: string,
): Complete {
  const inner = isNonNullType(type) ? type.ofType : type;
  const withNulls = (present: Complete): Complete =>
    isNonNullType(type) ? required(present, what) : nullable(present);
  if (isLeafType(inner)) return leaf(leafOf(inner), withNulls);
  return withNulls(present(source, inner, sets, what));
}

/** Completes lists and objects that are there. */
function present(
  source: Source,
  type: GraphQLOutputType,
  sets: SelectionSets,
  what: string,
): Complete {
  if (isListType(type)) return list(typed(source, type.ofType, sets, what), what);
  if (isObjectType(type)) {
    // Compiled when there is such an object: many a branch of a query never is.
    let shape: Shape | undefined;
    return object(() => (shape ??= shapeOf(source, type, sets)), what);
  }
  if (!isAbstractType(type)) throw new Error(`${what} is of no type that is shown`);
  return object(shapesByType(source, type.name, sets), what);
}

/** Chooses by the name that the object says it is of; undefined for one that cannot be here. */
function shapesByType(source: Source, declared: string, sets: SelectionSets) {
  const { schema } = source;
  const shapes = new Map<unknown, Shape | undefined>();
  const compiled = (typename: unknown): Shape | undefined => {
    const type = schema.getType(typeof typename === 'string' ? typename : declared);
    const within = schema.getType(declared);
    if (!isAbstractType(within) || (!isObjectType(type) && !isInterfaceType(type)))
      return undefined;
    if (type !== within && !schema.isSubType(within, type)) return undefined;
    return isInterfaceType(type) && narrows(source, type, sets)
      ? undecided
      : shapeOf(source, type, sets);
  };
  return (typename: unknown): Shape | undefined => {
    const known = shapes.get(typename);
    if (known) return known;
    const shape = compiled(typename);
    if (shape) shapes.set(typename, shape);
    return shape;
  };
}

/** An object of which only its interface is known, where it matters what it is: it shows nothing. */
const undecided = new Shape([field('__typename', bubbling)]);

/** Whether something is selected for some of the interface's types only. */
function narrows(source: Source, type: GraphQLInterfaceType, sets: SelectionSets): boolean {
  const { schema, text } = source;
  const isNarrower = (name: string): boolean => {
    const condition = schema.getType(name);
    return condition !== type && !(isAbstractType(condition) && schema.isSubType(condition, type));
  };
  return sets.some(({ selections }) =>
    selections.some((selection) => {
      if (selection.kind === Kind.FIELD) return false;
      const fragment =
        selection.kind === Kind.INLINE_FRAGMENT
          ? selection
          : text.fragments.get(selection.name.value);
      if (!fragment) return false;
      const condition = fragment.typeCondition?.name.value;
      if (condition !== undefined && isNarrower(condition)) return true;
      return narrows(source, type, [fragment.selectionSet]);
    }),
  );
}
