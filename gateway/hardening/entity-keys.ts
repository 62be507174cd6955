import type {
  DocumentNode,
  GraphQLNamedType,
  GraphQLSchema,
  SelectionNode,
  SelectionSetNode,
} from 'graphql';
import {
  getNamedType,
  isAbstractType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  Kind,
} from 'graphql';
import { prefixes } from './names.ts';
import { placeholder } from './rewrite.ts';
import { plannedSelections } from './selections.ts';

/** The keys of each type, as lists of field names; only keys without selections below. */
export type EntityKeys = ReadonlyMap<string, readonly (readonly string[])[]>;

export function entityKeys(supergraph: DocumentNode): EntityKeys {
  const keys = new Map<string, string[][]>();
  for (const { type, kind, text } of plannedSelections(supergraph)) {
    if (kind !== 'key' || !/^[\w\s,]+$/.test(text)) continue;
    const names = text.split(/[\s,]+/).filter((name) => name !== '');
    keys.set(type, [...(keys.get(type) ?? []), names]);
  }
  return keys;
}

export interface KeySelections {
  readonly set: SelectionSetNode;
  /** Whether every object that can stand there has a key that clients can see. */
  readonly isComplete: boolean;
}

/** Selects, under names of ours, what identifies an object of a type. */
export function keySelections(
  schema: GraphQLSchema,
  keys: EntityKeys,
  type: GraphQLNamedType,
): KeySelections {
  const objects = isAbstractType(type) ? schema.getPossibleTypes(type) : [type];
  const selections: SelectionNode[] = [placeholder(prefixes.type, undefined)];
  let isComplete = true;
  for (const object of objects) {
    const key = keys.get(object.name)?.find((names) => isVisible(schema, object, names));
    if (key) selections.push(keyOf(object.name, key));
    else isComplete = false;
  }
  return { set: { kind: Kind.SELECTION_SET, selections }, isComplete };
}

function isVisible(schema: GraphQLSchema, type: GraphQLNamedType, key: readonly string[]): boolean {
  const visible = schema.getType(type.name);
  return (
    isObjectType(visible) &&
    key.every((name) => {
      const field = visible.getFields()[name];
      if (!field || field.args.some(isRequiredArgument)) return false;
      return isLeafType(getNamedType(field.type));
    })
  );
}

function keyOf(type: string, key: readonly string[]): SelectionNode {
  return {
    kind: Kind.INLINE_FRAGMENT,
    typeCondition: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: type } },
    selectionSet: {
      kind: Kind.SELECTION_SET,
      selections: key.map((name) => ({
        kind: Kind.FIELD,
        alias: { kind: Kind.NAME, value: prefixes.key + name },
        name: { kind: Kind.NAME, value: name },
      })),
    },
  };
}
