import type {
  DocumentNode,
  FieldNode,
  GraphQLNamedType,
  GraphQLSchema,
  SelectionNode,
  SelectionSetNode,
} from 'graphql';
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  print,
} from 'graphql';
import type { SingleOperation } from './document.ts';
import { plannedSelections, selectionText } from './selections.ts';

/** What fields of a graph require of other subgraphs, by `Type.field`. */
export type Requirements = ReadonlyMap<string, readonly SelectionSetNode[]>;

/** Undefined when no field requires another with arguments, so that nothing can conflict. */
export function requirementsOf(supergraph: DocumentNode): Requirements | undefined {
  const requirements = new Map<string, SelectionSetNode[]>();
  let withArguments = false;
  for (const { type, field, kind, text } of plannedSelections(supergraph)) {
    if (kind !== 'requires' || field === undefined) continue;
    const [operation] = parse(selectionText(text), { noLocation: true }).definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) continue;
    withArguments ||= text.includes('(');
    const coordinate = `${type}.${field}`;
    requirements.set(coordinate, [...(requirements.get(coordinate) ?? []), operation.selectionSet]);
  }
  return withArguments ? requirements : undefined;
}

/** Fields of an operation that cannot be planned together, and with which ones not. */
export type Conflicts = ReadonlyMap<FieldNode, ReadonlySet<FieldNode>>;

/**
 * Finds the fields of an operation that require one field of the same object
 * with different arguments.
 *
 * The planner would ask for it once and give the same value to both. What
 * required fields require in turn counts, and so does what stands on the way:
 * two fields far apart conflict when what they require meets.
 */
export function conflictsOf(
  schema: GraphQLSchema,
  single: SingleOperation,
  requirements: Requirements,
): Conflicts {
  const finder = new ConflictFinder(schema, single, requirements);
  finder.object({
    client: [
      {
        set: single.operation.selectionSet,
        type: schema.getRootType(single.operation.operation) ?? undefined,
      },
    ],
    wanted: [],
  });
  return finder.conflicts;
}

interface Selected {
  readonly set: SelectionSetNode;
  readonly type: GraphQLNamedType | undefined;
}

/** What the planner adds for the sake of a field of the client's. */
interface Wanted extends Selected {
  readonly owner: FieldNode;
}

/** Everything that is asked of the objects at one place of the answer. */
interface Place {
  readonly client: Selected[];
  readonly wanted: Wanted[];
}

interface Use {
  readonly type: GraphQLNamedType | undefined;
  readonly given: string;
  readonly owner: FieldNode;
}

class ConflictFinder {
  readonly conflicts = new Map<FieldNode, Set<FieldNode>>();
  readonly #schema: GraphQLSchema;
  readonly #single: SingleOperation;
  readonly #requirements: Requirements;

  constructor(schema: GraphQLSchema, single: SingleOperation, requirements: Requirements) {
    this.#schema = schema;
    this.#single = single;
    this.#requirements = requirements;
  }

  object(place: Place): void {
    const below = new Map<string, Place>();
    const wanted = [...place.wanted];
    const at = (key: string): Place => {
      const found = below.get(key) ?? { client: [], wanted: [] };
      below.set(key, found);
      return found;
    };
    for (const { set, type } of place.client) {
      this.#each(set, type, (field, parent) => {
        wanted.push(...this.#requiredBy(field, parent, field));
        const key = (field.alias ?? field.name).value;
        const inner = this.#typeOf(parent, field);
        if (field.selectionSet) at(key).client.push({ set: field.selectionSet, type: inner });
      });
    }
    const uses = this.#usesOf(wanted, at);
    for (const list of uses.values()) this.#compare(list);
    for (const inner of below.values()) this.object(inner);
  }

  /** Follows what is wanted, and what that requires, at one place. */
  #usesOf(wanted: Wanted[], at: (key: string) => Place): Map<string, Use[]> {
    const uses = new Map<string, Use[]>();
    const followed = new Map<FieldNode, Set<string>>();
    for (let next = wanted.shift(); next; next = wanted.shift()) {
      const { owner } = next;
      this.#each(next.set, next.type, (field, parent) => {
        const name = field.name.value;
        const given = (field.arguments ?? []).map(print).sort().join(', ');
        uses.set(name, [...(uses.get(name) ?? []), { type: parent, given, owner }]);
        if (field.selectionSet) {
          const inner = this.#typeOf(parent, field);
          at(name).wanted.push({ set: field.selectionSet, type: inner, owner });
        }
        const seen = followed.get(owner) ?? new Set();
        followed.set(owner, seen);
        if (seen.has(name)) return;
        seen.add(name);
        wanted.push(...this.#requiredBy(field, parent, owner));
      });
    }
    return uses;
  }

  #compare(uses: readonly Use[]): void {
    for (const [index, one] of uses.entries()) {
      for (const other of uses.slice(index + 1)) {
        if (one.given === other.given || one.owner === other.owner) continue;
        if (!this.#meet(one.type, other.type)) continue;
        this.#add(one.owner, other.owner);
        this.#add(other.owner, one.owner);
      }
    }
  }

  #add(from: FieldNode, to: FieldNode): void {
    const known = this.conflicts.get(from) ?? new Set();
    this.conflicts.set(from, known.add(to));
  }

  /** Whether one object can be of both types. */
  #meet(one: GraphQLNamedType | undefined, other: GraphQLNamedType | undefined): boolean {
    const types = new Set(this.#objects(one));
    return this.#objects(other).some((type) => types.has(type));
  }

  #objects(type: GraphQLNamedType | undefined): readonly GraphQLNamedType[] {
    if (isAbstractType(type)) return this.#schema.getPossibleTypes(type);
    return type ? [type] : [];
  }

  #requiredBy(field: FieldNode, parent: GraphQLNamedType | undefined, owner: FieldNode): Wanted[] {
    return this.#objects(parent).flatMap((type) =>
      (this.#requirements.get(`${type.name}.${field.name.value}`) ?? []).map((set) => ({
        ...{ set, type, owner },
      })),
    );
  }

  #typeOf(parent: GraphQLNamedType | undefined, { name }: FieldNode): GraphQLNamedType | undefined {
    if (!isObjectType(parent) && !isInterfaceType(parent)) return undefined;
    const type = parent.getFields()[name.value]?.type;
    return type && getNamedType(type);
  }

  /** Every field of a selection with the type on which it is selected. */
  #each(
    set: SelectionSetNode,
    type: GraphQLNamedType | undefined,
    take: (field: FieldNode, parent: GraphQLNamedType | undefined) => void,
  ): void {
    const visit = (selection: SelectionNode): void => {
      if (selection.kind === Kind.FIELD) {
        take(selection, type);
        return;
      }
      const fragment =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? this.#single.fragments.get(selection.name.value)
          : selection;
      if (!fragment) return;
      const condition = fragment.typeCondition?.name.value;
      const named = condition === undefined ? type : this.#schema.getType(condition);
      this.#each(fragment.selectionSet, isCompositeType(named) ? named : undefined, take);
    };
    set.selections.forEach(visit);
  }
}
