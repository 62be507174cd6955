import type {
  DocumentNode,
  FieldNode,
  GraphQLSchema,
  SelectionNode,
  SelectionSetNode,
} from 'graphql';
import { getNamedType, isListType, isNonNullType, Kind, OperationTypeNode } from 'graphql';
import type { GraphQLOutputType } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Conflicts, Requirements } from './conflicts.ts';
import { conflictsOf } from './conflicts.ts';
import type { SingleOperation } from './document.ts';
import { singleOperation } from './document.ts';
import type { EntityKeys } from './entity-keys.ts';
import { keySelections } from './entity-keys.ts';
import { prefixes } from './names.ts';
import type { Origin, Rewritten } from './rewrite.ts';
import { placeholder } from './rewrite.ts';

export interface SplitRules {
  readonly schema: GraphQLSchema;
  readonly supergraphSchema: GraphQLSchema;
  readonly requirements: Requirements;
  readonly keys: EntityKeys;
}

export interface Split {
  /** The operation with a mark in the place of each field that is asked for apart. */
  readonly main: Rewritten;
  readonly apart: readonly DocumentNode[];
}

/**
 * Splits a query whose fields cannot be planned together into several that
 * can, of which the objects are found again by their keys.
 *
 * A list is matched by the keys of its items and never by their order, since
 * two fetches may see two orders. What cannot be matched is refused, and so is
 * everything but a query: nothing may be done twice. Undefined when nothing
 * conflicts.
 */
export function splitConflicts(rules: SplitRules, rewritten: Rewritten): Split | undefined {
  const conflicts = conflictsOf(rules.supergraphSchema, rewritten, rules.requirements);
  if (conflicts.size === 0) return undefined;
  if (rewritten.operation.operation !== OperationTypeNode.QUERY) throw refused(conflicts);
  const groups = groupsOf(conflicts);
  const splitter = new Splitter(rules, rewritten, groups);
  const apart = Array.from({ length: Math.max(...groups.values()) }, (_, index) =>
    splitter.part(index + 1),
  );
  const main = splitter.main();
  for (const part of [main, ...apart]) {
    const left = conflictsOf(rules.supergraphSchema, part, rules.requirements);
    if (left.size > 0) throw refused(left);
  }
  return { main, apart: apart.map(({ document }) => document) };
}

function refused(conflicts: Conflicts): ForgeError {
  const names = [...new Set([...conflicts.keys()].map(({ name }) => name.value))].join(' and ');
  return new ForgeError(
    'BAD_USER_INPUT',
    `${names} need one field with different arguments and cannot be answered by this operation together. Ask for them in separate operations.`,
  );
}

/** The first group stays where it is; no two fields of a group conflict. */
function groupsOf(conflicts: Conflicts): ReadonlyMap<FieldNode, number> {
  const groups = new Map<FieldNode, number>();
  for (const [field, others] of conflicts) {
    const taken = new Set([...others].map((other) => groups.get(other)));
    let group = 0;
    while (taken.has(group)) group += 1;
    groups.set(field, group);
  }
  return groups;
}

class Splitter {
  readonly #rules: SplitRules;
  readonly #rewritten: Rewritten;
  readonly #groups: ReadonlyMap<FieldNode, number>;
  readonly #origins: Map<FieldNode, Origin>;

  constructor(rules: SplitRules, rewritten: Rewritten, groups: ReadonlyMap<FieldNode, number>) {
    this.#rules = rules;
    this.#rewritten = rewritten;
    this.#groups = groups;
    this.#origins = new Map(rewritten.origins);
  }

  /** The operation without the fields of the other groups. */
  main(): Rewritten {
    const field = (node: FieldNode): FieldNode => {
      if ((this.#groups.get(node) ?? 0) > 0) return this.#marked(node);
      if (!node.selectionSet || !this.#leadsApart(node.selectionSet)) return node;
      return this.#carried(node, this.#mapped(node.selectionSet, field), this.#keysOf(node));
    };
    const single = this.#operation((set) => this.#mapped(set, field));
    return { ...single, origins: this.#origins, apartFragments: this.#rewritten.fragments };
  }

  /** The fields of one group and what leads to them. */
  part(group: number): SingleOperation {
    const field = (node: FieldNode): FieldNode | undefined => {
      if (this.#groups.get(node) === group) return node;
      const set = node.selectionSet && this.#mapped(node.selectionSet, field);
      if (!set || set.selections.length === 0) return undefined;
      return this.#carried(node, set, this.#keysOf(node));
    };
    return this.#operation((set) => this.#mapped(set, field));
  }

  #operation(map: (set: SelectionSetNode) => SelectionSetNode): SingleOperation {
    const { operation, fragments } = this.#rewritten;
    const definitions = [operation, ...fragments.values()].map((definition) => ({
      ...definition,
      selectionSet: map(definition.selectionSet),
    }));
    const single = singleOperation({ kind: Kind.DOCUMENT, definitions }, undefined);
    if (!single) throw new Error('An operation was lost');
    return single;
  }

  #mapped(
    set: SelectionSetNode,
    field: (node: FieldNode) => FieldNode | undefined,
  ): SelectionSetNode {
    const selections = set.selections.flatMap(
      (selection): SelectionNode | readonly SelectionNode[] => {
        if (selection.kind === Kind.FIELD) return field(selection) ?? [];
        if (selection.kind === Kind.FRAGMENT_SPREAD) {
          const fragment = this.#rewritten.fragments.get(selection.name.value);
          const isEmpty =
            !fragment || this.#mapped(fragment.selectionSet, field).selections.length === 0;
          return isEmpty ? [] : [selection];
        }
        const inner = this.#mapped(selection.selectionSet, field);
        return inner.selections.length === 0 ? [] : [{ ...selection, selectionSet: inner }];
      },
    );
    return { ...set, selections };
  }

  #leadsApart(set: SelectionSetNode): boolean {
    return set.selections.some((selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = this.#rewritten.fragments.get(selection.name.value);
        return fragment !== undefined && this.#leadsApart(fragment.selectionSet);
      }
      if (selection.kind === Kind.FIELD && (this.#groups.get(selection) ?? 0) > 0) return true;
      return selection.selectionSet !== undefined && this.#leadsApart(selection.selectionSet);
    });
  }

  #marked(node: FieldNode): FieldNode {
    const key = (node.alias ?? node.name).value;
    const mark = placeholder(prefixes.apart + key, node);
    const origin = this.#originOf(node);
    this.#origins.set(mark, { ...origin, apart: node });
    return mark;
  }

  #carried(node: FieldNode, set: SelectionSetNode, keys: SelectionSetNode): FieldNode {
    const selections = [...set.selections, ...keys.selections];
    const carried = { ...node, selectionSet: { ...set, selections } };
    this.#origins.set(carried, this.#originOf(node));
    return carried;
  }

  #originOf(node: FieldNode): Origin {
    const origin = this.#rewritten.origins.get(node);
    if (!origin) throw new Error(`A field without an origin: ${node.name.value}`);
    return origin;
  }

  /** What finds the objects of a field again in another answer. */
  #keysOf(node: FieldNode): SelectionSetNode {
    const { type } = this.#originOf(node);
    if (!type) throw refused(new Map([[node, new Set()]]));
    const depth = listDepth(type);
    const keys = keySelections(this.#rules.schema, this.#rules.keys, getNamedType(type));
    if (depth > 1 || (depth === 1 && !keys.isComplete)) {
      throw new ForgeError(
        'BAD_USER_INPUT',
        `Below ${node.name.value}, fields are asked for that need another field with different arguments, and its items cannot be told apart. Ask for these fields in separate operations.`,
      );
    }
    return keys.set;
  }
}

function listDepth(type: GraphQLOutputType): number {
  if (isNonNullType(type)) return listDepth(type.ofType);
  return isListType(type) ? 1 + listDepth(type.ofType) : 0;
}
