import type { ConstDirectiveNode, DocumentNode, GraphQLSchema } from 'graphql';
import {
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  isTypeSystemDefinitionNode,
  isTypeSystemExtensionNode,
  Kind,
  valueFromASTUntyped,
} from 'graphql';
import { directiveNames } from '../supergraph/directive-names.ts';

/**
 * One thing that a caller needs. Several alternatives: any of them will do, and
 * each is a set of atoms that are needed together. No alternative at all is
 * what nobody has.
 */
export interface Requirement {
  readonly anyOf: readonly (readonly Atom[])[];
}

/** What a caller has or has not: a checked token, one scope, or one policy. */
export type Atom = 'authenticated' | `scope:${string}` | `policy:${string}`;

/** What reading a field takes: all of these. */
export type Rule = readonly Requirement[];

export interface AccessRules {
  /** Whether any field of the graph takes anything. */
  readonly isEmpty: boolean;
  /** What it takes to select a field on a type. */
  field(type: string, field: string): Rule;
  /** What it takes to see an object of a type, wherever it stands. */
  object(type: string): Rule;
  /** The types that a field may give an object of, if they are more than one. */
  possibleObjects(type: string, field: string): readonly string[];
}

/**
 * Reads `@authenticated`, `@requiresScopes` and `@policy` from a supergraph.
 *
 * Where rules meet, the strictest holds: a field takes what it says itself,
 * what its parent type says, and what the type it gives says. On an interface
 * it also takes what every implementing type says. What was written for an
 * interface itself holds for all its objects; what composition put there, for
 * the sake of one of them, does not. A directive that cannot be read is one
 * that nobody satisfies.
 */
export function accessRules(supergraph: DocumentNode, schema: GraphQLSchema): AccessRules {
  const written = writtenRules(supergraph);
  if (written.size === 0) return noRules;
  const known = new Map<string, Rule>();
  const of = (coordinate: string): Rule => written.get(coordinate) ?? [];
  const remember = (key: string, make: () => Rule): Rule => {
    const rule = known.get(key) ?? make();
    known.set(key, rule);
    return rule;
  };

  /** What was written for an interface itself, at it or at a field of it. */
  const ofInterface = (name: string, at: (type: string) => string): Rule =>
    remember(`(itself) ${at(name)}`, () => {
      const ofObjects = objectsOf(schema, name).flatMap((one) => of(at(one)));
      return of(at(name)).filter((requirement) => !isImplied(requirement, ofObjects));
    });
  const ofInterfaces = (type: string, at: (name: string) => string): Rule =>
    interfacesOf(schema, type).flatMap((name) => ofInterface(name, at));
  /** What types and fields of this name say, without their relatives. */
  const own = (type: string, field: string): Rule => {
    const parent = schema.getType(type);
    const isParent = isObjectType(parent) || isInterfaceType(parent);
    const given = isParent ? parent.getFields()[field]?.type : undefined;
    const inner = given && getNamedType(given);
    const ofInner = isInterfaceType(inner)
      ? ofInterface(inner.name, (name) => name)
      : of(inner?.name ?? '');
    return [...of(type), ...of(`${type}.${field}`), ...ofInner];
  };
  const object = (type: string): Rule =>
    remember(type, () => [...of(type), ...ofInterfaces(type, (name) => name)]);
  const fieldOfObject = (type: string, field: string): Rule => [
    ...own(type, field),
    ...ofInterfaces(type, (name) => name),
    ...ofInterfaces(type, (name) => `${name}.${field}`),
  ];
  const makeField = (type: string, field: string): Rule => {
    const parent = schema.getType(type);
    if (field === '__typename') return isRoot(schema, type) ? [] : object(type);
    if (field.startsWith('__')) return [];
    if (!isInterfaceType(parent)) return fieldOfObject(type, field);
    const objects = objectsOf(schema, type).flatMap((name) => fieldOfObject(name, field));
    return [...own(type, field), ...objects];
  };
  return {
    isEmpty: false,
    object,
    field: (type, field) => remember(`${type}.${field}`, () => makeField(type, field)),
    possibleObjects: (type, field) => {
      const parent = schema.getType(type);
      if (!isObjectType(parent) && !isInterfaceType(parent)) return [];
      const given = parent.getFields()[field]?.type;
      return given ? objectsOf(schema, getNamedType(given).name) : [];
    },
  };
}

const noRules: AccessRules = {
  isEmpty: true,
  field: () => [],
  object: () => [],
  possibleObjects: () => [],
};

function isRoot(schema: GraphQLSchema, type: string): boolean {
  return [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].some(
    (root) => root?.name === type,
  );
}

function interfacesOf(schema: GraphQLSchema, type: string): readonly string[] {
  const found = schema.getType(type);
  if (!isObjectType(found) && !isInterfaceType(found)) return [];
  return found.getInterfaces().map(({ name }) => name);
}

function objectsOf(schema: GraphQLSchema, type: string): readonly string[] {
  const found = schema.getType(type);
  return isAbstractType(found) ? schema.getPossibleTypes(found).map(({ name }) => name) : [];
}

/** Beyond so many ways of satisfying a rule, it is taken for one that implies nothing. */
const waysMax = 1_000;

/** Whether everybody who satisfies a rule satisfies the requirement anyway. */
function isImplied({ anyOf }: Requirement, rule: Rule): boolean {
  let ways: (readonly Atom[])[] = [[]];
  for (const requirement of rule) {
    ways = ways.flatMap((way) => requirement.anyOf.map((set) => [...way, ...set]));
    if (ways.length > waysMax) return false;
  }
  return ways.every((way) => anyOf.some((set) => set.every((atom) => way.includes(atom))));
}

/** What is written at types and fields, by `Type` and `Type.field`. */
function writtenRules(supergraph: DocumentNode): ReadonlyMap<string, Rule> {
  const readers = readersOf(supergraph);
  const rules = new Map<string, Rule>();
  const add = (coordinate: string, directives: readonly ConstDirectiveNode[] = []): void => {
    const rule = directives.flatMap((directive) => {
      const reader = readers.get(directive.name.value);
      return reader ? [reader(directive)] : [];
    });
    if (rule.length > 0) rules.set(coordinate, [...(rules.get(coordinate) ?? []), ...rule]);
  };
  for (const definition of supergraph.definitions) {
    if (!isTypeSystemDefinitionNode(definition) && !isTypeSystemExtensionNode(definition)) continue;
    if (!('name' in definition) || !('directives' in definition)) continue;
    const name = definition.name.value;
    add(name, definition.directives);
    const hasFields =
      definition.kind === Kind.OBJECT_TYPE_DEFINITION ||
      definition.kind === Kind.INTERFACE_TYPE_DEFINITION;
    if (!hasFields) continue;
    for (const field of definition.fields ?? []) {
      add(`${name}.${field.name.value}`, field.directives);
    }
  }
  return rules;
}

type Reader = (directive: ConstDirectiveNode) => Requirement;

function readersOf(supergraph: DocumentNode): ReadonlyMap<string, Reader> {
  const readers = new Map<string, Reader>();
  const add = (feature: string, reader: Reader): void => {
    for (const name of directiveNames(supergraph, feature, feature)) readers.set(name, reader);
  };
  add('authenticated', () => ({ anyOf: [['authenticated']] }));
  add('requiresScopes', (directive) => alternatives(directive, 'scopes', 'scope'));
  add('policy', (directive) => alternatives(directive, 'policies', 'policy'));
  return readers;
}

function alternatives(
  directive: ConstDirectiveNode,
  argument: string,
  kind: 'scope' | 'policy',
): Requirement {
  const node = directive.arguments?.find(({ name }) => name.value === argument);
  const value: unknown = node ? valueFromASTUntyped(node.value) : undefined;
  if (!Array.isArray(value)) return nobody;
  const sets = value.map((set: unknown) => (Array.isArray(set) ? set : [set]) as unknown[]);
  const isReadable = sets.every(
    (set) => set.length > 0 && set.every((name) => typeof name === 'string'),
  );
  if (!isReadable) return nobody;
  return { anyOf: sets.map((set) => set.map((name) => `${kind}:${String(name)}` as const)) };
}

const nobody: Requirement = { anyOf: [] };
