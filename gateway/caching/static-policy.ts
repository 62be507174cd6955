import type { FieldNode, GraphQLNamedType, GraphQLSchema, SelectionSetNode } from 'graphql';
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
} from 'graphql';
import type { SingleOperation } from '../hardening/document.ts';
import type { CacheHint, CacheHints } from './cache-hints.ts';
import { least } from './cache-hints.ts';

/** How long an answer may be kept, and whether by everybody. */
export interface CachePolicy {
  /** In seconds, more than 0. */
  readonly maxAge: number;
  /** Whether it is for its own reader only. */
  readonly isPrivate: boolean;
}

/**
 * What a graph's hints say about the whole of an operation's answer, by the
 * rules of Apollo Server: the least age of any field counts; a root field, and a
 * field that gives objects, has age 0 without a hint; any other field takes that
 * of what it stands in. What is skipped or included by a variable counts as
 * asked, and a field of an interface as strictly as in any of its objects.
 *
 * Undefined when the answer may not be kept, and when any of it tells of the graph
 * itself.
 */
export function staticPolicy(
  schema: GraphQLSchema,
  hints: CacheHints,
  { operation, fragments }: SingleOperation,
): CachePolicy | undefined {
  let maxAge: number | undefined;
  let isPrivate = false;
  const visit = (set: SelectionSetNode, parent: GraphQLNamedType | undefined): void => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value;
        visit(selection.selectionSet, condition === undefined ? parent : schema.getType(condition));
      } else if (selection.kind === Kind.FIELD && selection.name.value !== '__typename') {
        const hint = hintOf(schema, hints, parent, selection);
        maxAge = least(maxAge, hint.maxAge);
        isPrivate ||= hint.isPrivate === true;
        if (selection.selectionSet) visit(selection.selectionSet, typeOf(parent, selection));
      }
    }
  };
  visit(operation.selectionSet, schema.getQueryType() ?? undefined);
  for (const { typeCondition, selectionSet } of fragments.values()) {
    visit(selectionSet, schema.getType(typeCondition.name.value));
  }
  return maxAge !== undefined && maxAge > 0 ? { maxAge, isPrivate } : undefined;
}

type FieldPolicy = Pick<CacheHint, 'maxAge' | 'isPrivate'>;

const never: FieldPolicy = { maxAge: 0, isPrivate: undefined };

function hintOf(
  schema: GraphQLSchema,
  hints: CacheHints,
  parent: GraphQLNamedType | undefined,
  field: FieldNode,
): FieldPolicy {
  const type = typeOf(parent, field);
  if (!parent || !type) return never;
  const target = isCompositeType(type) ? hints.type(type.name) : undefined;
  const objects = isAbstractType(parent) ? schema.getPossibleTypes(parent) : [parent];
  const isRoot = parent === schema.getQueryType();
  const policies = objects.map(({ name }) => {
    const own = hints.field(name, field.name.value);
    const inherits =
      target?.inheritMaxAge === true ||
      (own?.inheritMaxAge === true && target?.maxAge === undefined);
    const maxAge = own?.maxAge ?? target?.maxAge;
    const isDefault = maxAge === undefined && ((isCompositeType(type) && !inherits) || isRoot);
    return {
      maxAge: isDefault ? 0 : maxAge,
      isPrivate: own?.isPrivate ?? target?.isPrivate,
    };
  });
  return policies.reduce<FieldPolicy>(
    (all, one) => ({
      maxAge: least(all.maxAge, one.maxAge),
      isPrivate: all.isPrivate === true || one.isPrivate,
    }),
    { maxAge: undefined, isPrivate: undefined },
  );
}

/** Undefined for what tells of the graph itself. */
function typeOf(
  parent: GraphQLNamedType | undefined,
  { name }: FieldNode,
): GraphQLNamedType | undefined {
  if (!isObjectType(parent) && !isInterfaceType(parent)) return undefined;
  const type = parent.getFields()[name.value]?.type;
  return type && getNamedType(type);
}
