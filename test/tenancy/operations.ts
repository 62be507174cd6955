import type {
  GraphQLArgument,
  GraphQLField,
  GraphQLInputField,
  GraphQLInputType,
  GraphQLOutputType,
  GraphQLSchema,
} from 'graphql';
import {
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';

/** One operation of the graph that takes somebody's id, written out for any id. */
export interface IdOperation {
  /** As in `Mutation.cancelJob(input.id)`. */
  readonly name: string;
  readonly kind: 'query' | 'mutation' | 'subscription';
  document(id: string, key: string): string;
}

/** Every place of the graph's root fields that takes an id, one operation each. */
export function idOperations(schema: GraphQLSchema): IdOperation[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([kind, type]) =>
    Object.values(type?.getFields() ?? {}).flatMap((field) => operationsOf(kind, field)),
  );
}

function operationsOf(
  kind: IdOperation['kind'],
  field: GraphQLField<unknown, unknown>,
): IdOperation[] {
  const places = field.args.flatMap((argument) => idPlaces(argument, [argument.name]));
  return places.map((place) => ({
    name: `${kind} ${field.name}(${place.join('.')})`,
    kind,
    document: (id, key) => {
      const args = field.args
        .filter((argument) => isNonNullType(argument.type) || argument.name === place[0])
        .map(
          (argument) => `${argument.name}: ${valueOf(argument, [argument.name], place, id, key)}`,
        );
      const selection = selectionOf(field.type, 2);
      return `${kind} { ${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''} ${selection} }`;
    },
  }));
}

/** The paths below an argument at which an id stands. */
function idPlaces(input: GraphQLArgument | GraphQLInputField, path: string[]): string[][] {
  const named = getNamedType(input.type);
  if (named.name === 'ID') return [path];
  if (!isInputObjectType(named) || path.length > 3) return [];
  return Object.values(named.getFields()).flatMap((field) =>
    idPlaces(field, [...path, field.name]),
  );
}

function valueOf(
  input: GraphQLArgument | GraphQLInputField,
  path: readonly string[],
  place: readonly string[],
  id: string,
  key: string,
): string {
  if (path.join('.') === place.join('.')) return asList(input.type, JSON.stringify(id));
  const named = getNamedType(input.type);
  if (isInputObjectType(named)) {
    const fields = Object.values(named.getFields())
      .filter(({ name, type }) => isNonNullType(type) || place[path.length] === name)
      .map((field) => `${field.name}: ${valueOf(field, [...path, field.name], place, id, key)}`);
    return asList(input.type, `{ ${fields.join(', ')} }`);
  }
  if (isEnumType(named)) return asList(input.type, named.getValues()[0]?.name ?? '');
  const samples: Record<string, string> = {
    Int: '1',
    Float: '1',
    Boolean: 'true',
    JSON: '{}',
    DateTime: '"2026-01-01T00:00:00Z"',
    MinorUnits: '"1"',
  };
  return asList(input.type, samples[named.name] ?? JSON.stringify(key));
}

function asList(type: GraphQLInputType, value: string): string {
  const bare = isNonNullType(type) ? type.ofType : type;
  return isListType(bare) ? `[${value}]` : value;
}

/** Everything that can be selected without arguments, to a depth. */
function selectionOf(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (isAbstractType(named)) return '{ __typename }';
  if (!isObjectType(named)) return '';
  const fields = Object.values(named.getFields())
    .filter((field) => field.args.every((argument) => !isNonNullType(argument.type)))
    .flatMap((field) => {
      if (isLeafType(getNamedType(field.type))) return [field.name];
      return depth > 0 ? [`${field.name} ${selectionOf(field.type, depth - 1)}`] : [];
    });
  return `{ __typename ${fields.join(' ')} }`;
}
