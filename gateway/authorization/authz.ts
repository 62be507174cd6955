import type { FieldNode, GraphQLNamedType, GraphQLSchema, SelectionSetNode } from 'graphql';
import { getNamedType, isInterfaceType, isObjectType, Kind } from 'graphql';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import type { AccessRules, Atom, Rule } from './authz-rules.ts';
import type { SingleOperation } from '../hardening/document.ts';

/** How it is told what a caller may. */
export interface Authority {
  /**
   * The scopes a caller has. Without it: those of the token, as they are
   * written there.
   */
  readonly scopesOf?: (identity: Identity) => Iterable<string>;
  /** Whether a caller satisfies a policy. Without it nobody satisfies any. */
  readonly satisfies?: (policy: string, identity: Identity) => boolean;
}

/** What an operation takes, found once for each document. */
export interface Demands {
  /** Every atom that decides about a field; none when everybody may read all of it. */
  readonly atoms: readonly Atom[];
  readonly fields: readonly { readonly field: FieldNode; readonly rule: Rule }[];
  /** Types that a field may give and that take something by themselves. */
  readonly objects: readonly {
    readonly field: FieldNode;
    readonly types: readonly { readonly name: string; readonly rule: Rule }[];
  }[];
}

/** Finds what it takes to read each field of a valid operation. */
export function demandsOf(
  schema: GraphQLSchema,
  rules: AccessRules,
  { operation, fragments }: SingleOperation,
): Demands {
  if (rules.isEmpty) return noDemands;
  const fields: Demands['fields'][number][] = [];
  const objects: Demands['objects'][number][] = [];
  const visit = (set: SelectionSetNode, parent: GraphQLNamedType | undefined): void => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value;
        visit(selection.selectionSet, condition === undefined ? parent : schema.getType(condition));
      } else if (selection.kind === Kind.FIELD && parent) {
        const name = selection.name.value;
        const rule = rules.field(parent.name, name);
        if (rule.length > 0) fields.push({ field: selection, rule });
        const types = rules
          .possibleObjects(parent.name, name)
          .map((type) => ({ name: type, rule: rules.object(type) }))
          .filter((type) => type.rule.length > 0);
        if (types.length > 0) objects.push({ field: selection, types });
        if (selection.selectionSet) visit(selection.selectionSet, typeOf(parent, name));
      }
    }
  };
  visit(operation.selectionSet, schema.getRootType(operation.operation) ?? undefined);
  for (const { typeCondition, selectionSet } of fragments.values()) {
    visit(selectionSet, schema.getType(typeCondition.name.value));
  }
  const needed = [...fields, ...objects.flatMap(({ types }) => types)].flatMap(({ rule }) => rule);
  const atoms = new Set(needed.flatMap(({ anyOf }) => anyOf.flat()));
  return { atoms: [...atoms].sort(), fields, objects };
}

const noDemands: Demands = { atoms: [], fields: [], objects: [] };

function typeOf(parent: GraphQLNamedType, field: string): GraphQLNamedType | undefined {
  if (!isObjectType(parent) && !isInterfaceType(parent)) return undefined;
  const type = parent.getFields()[field]?.type;
  return type && getNamedType(type);
}

/** What a caller has of what an operation takes. */
export interface Verdict {
  /** The same for all callers who have the same; answers may be shared under it. */
  readonly key: string;
  readonly holds: (rule: Rule) => boolean;
}

/**
 * Holds a caller against the atoms of an operation, and looks at nothing else
 * of it. What is not known to be held is not held.
 */
export function judge(
  { atoms }: Demands,
  identity: Identity | undefined,
  authority: Authority,
): Verdict {
  const held = new Set(identity ? heldBy(identity, atoms, authority) : []);
  return {
    key: atoms.map((atom) => (held.has(atom) ? '1' : '0')).join(''),
    holds: (rule) =>
      rule.every(({ anyOf }) => anyOf.some((set) => set.every((atom) => held.has(atom)))),
  };
}

/** The verdict about a caller who may read everything. */
export function holdingAll({ atoms }: Demands): Verdict {
  return { key: atoms.map(() => '1').join(''), holds: () => true };
}

function heldBy(
  identity: Identity,
  atoms: readonly Atom[],
  { scopesOf, satisfies }: Authority,
): readonly Atom[] {
  if (atoms.length === 0) return [];
  const scopes = new Set(scopesOf ? scopesOf(identity) : identity.scopes);
  return atoms.filter((atom) => {
    if (atom === 'authenticated') return true;
    const colon = atom.indexOf(':');
    const name = atom.slice(colon + 1);
    if (atom.startsWith('scope:')) return scopes.has(name);
    return satisfies?.(name, identity) === true;
  });
}

/** The fields of an operation that a caller may not read, and the types it may not see. */
export function rejectionsOf(demands: Demands, { holds }: Verdict) {
  return {
    rejected: new Set(demands.fields.filter(({ rule }) => !holds(rule)).map(({ field }) => field)),
    guarded: new Map(
      demands.objects
        .map(({ field, types }) => {
          const hidden = types.filter(({ rule }) => !holds(rule)).map(({ name }) => name);
          return [field, new Set(hidden)] as const;
        })
        .filter(([, hidden]) => hidden.size > 0),
    ),
  };
}
