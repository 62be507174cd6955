import type {
  ConstDirectiveNode,
  DefinitionNode,
  DocumentNode,
  InterfaceTypeDefinitionNode,
  ObjectTypeDefinitionNode,
  UnionTypeDefinitionNode,
} from 'graphql';
import { Kind, valueFromASTUntyped } from 'graphql';
import { directiveNames } from '../supergraph/directive-names.ts';

/** What `@cacheControl` says at one place. */
export interface CacheHint {
  /** In seconds. */
  readonly maxAge: number | undefined;
  readonly isPrivate: boolean | undefined;
  /** Whether it takes the age of what it stands in. */
  readonly inheritMaxAge: boolean;
}

/** What a graph says about how long its answers may be kept. */
export interface CacheHints {
  type(name: string): CacheHint | undefined;
  field(type: string, name: string): CacheHint | undefined;
}

/**
 * Reads the hints that composition has carried into a supergraph. Undefined
 * when there are none. Where several subgraphs hint at one place the strictest
 * holds.
 */
export function cacheHints(supergraph: DocumentNode): CacheHints | undefined {
  const names = directiveNames(supergraph, 'cacheControl', 'cacheControl');
  const hints = new Map<string, CacheHint>();
  const read = (place: string, directives: readonly ConstDirectiveNode[] = []): void => {
    for (const directive of directives) {
      if (!names.has(directive.name.value)) continue;
      const known = hints.get(place);
      const hint = hintIn(directive);
      hints.set(place, known ? stricter(known, hint) : hint);
    }
  };
  for (const definition of supergraph.definitions) {
    if (!isCompositeDefinition(definition)) continue;
    const type = definition.name.value;
    read(type, definition.directives);
    if (definition.kind === Kind.UNION_TYPE_DEFINITION) continue;
    for (const { name, directives } of definition.fields ?? []) {
      read(`${type}.${name.value}`, directives);
    }
  }
  if (hints.size === 0) return undefined;
  return {
    type: (name) => hints.get(name),
    field: (type, name) => hints.get(`${type}.${name}`),
  };
}

function isCompositeDefinition(
  definition: DefinitionNode,
): definition is ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode | UnionTypeDefinitionNode {
  return (
    definition.kind === Kind.OBJECT_TYPE_DEFINITION ||
    definition.kind === Kind.INTERFACE_TYPE_DEFINITION ||
    definition.kind === Kind.UNION_TYPE_DEFINITION
  );
}

function hintIn(directive: ConstDirectiveNode): CacheHint {
  const argument = (name: string): unknown => {
    const node = directive.arguments?.find((one) => one.name.value === name);
    return node && valueFromASTUntyped(node.value);
  };
  const [maxAge, scope] = [argument('maxAge'), argument('scope')];
  const inheritMaxAge = argument('inheritMaxAge') === true;
  return {
    maxAge: typeof maxAge === 'number' && !inheritMaxAge ? maxAge : undefined,
    isPrivate: typeof scope === 'string' ? scope === 'PRIVATE' : undefined,
    inheritMaxAge,
  };
}

function stricter(one: CacheHint, other: CacheHint): CacheHint {
  return {
    maxAge: least(one.maxAge, other.maxAge),
    isPrivate: one.isPrivate === true || other.isPrivate === true || one.isPrivate,
    inheritMaxAge: one.inheritMaxAge && other.inheritMaxAge,
  };
}

/** The smaller of two where both are known. */
export function least(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.min(one, other);
}
