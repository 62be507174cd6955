import type { ConstDirectiveNode, DocumentNode } from 'graphql';
import { Kind, valueFromASTUntyped } from 'graphql';

/**
 * The names under which a supergraph applies a directive of a linked feature.
 *
 * A feature may be linked under another name and its directives imported under
 * others again. A supergraph that applies the plain name without a link counts
 * as well: taking a rule too seriously hurts less than overlooking it.
 */
export function directiveNames(
  supergraph: DocumentNode,
  feature: string,
  directive: string,
): ReadonlySet<string> {
  const names = new Set([directive]);
  for (const link of linksOf(supergraph)) {
    if (link.feature !== feature) continue;
    const namespace = link.as ?? feature;
    names.add(directive === feature ? namespace : `${namespace}__${directive}`);
    const imported = link.imports.get(`@${directive}`);
    if (imported !== undefined) names.add(imported.slice(1));
  }
  return names;
}

interface Link {
  readonly feature: string;
  readonly as: string | undefined;
  /** The name in this document by the feature's own, both with their `@`. */
  readonly imports: ReadonlyMap<string, string>;
}

function linksOf(supergraph: DocumentNode): readonly Link[] {
  return supergraph.definitions
    .flatMap((definition) =>
      definition.kind === Kind.SCHEMA_DEFINITION || definition.kind === Kind.SCHEMA_EXTENSION
        ? (definition.directives ?? [])
        : [],
    )
    .filter(({ name }) => name.value === 'link' || name.value === 'core')
    .flatMap(linkOf);
}

function linkOf(directive: ConstDirectiveNode): readonly Link[] {
  const argument = (name: string): unknown => {
    const node = directive.arguments?.find((one) => one.name.value === name);
    return node && valueFromASTUntyped(node.value);
  };
  const url = argument('url') ?? argument('feature');
  const feature = typeof url === 'string' ? /([^/]+)\/v\d[^/]*\/?$/.exec(url)?.[1] : undefined;
  if (feature === undefined) return [];
  const as = argument('as');
  const list = argument('import');
  const imports = (Array.isArray(list) ? (list as unknown[]) : []).flatMap(importOf);
  return [{ feature, as: typeof as === 'string' ? as : undefined, imports: new Map(imports) }];
}

function importOf(item: unknown): readonly (readonly [string, string])[] {
  if (typeof item === 'string') return [[item, item]];
  if (typeof item !== 'object' || item === null || !('name' in item)) return [];
  const { name } = item;
  if (typeof name !== 'string') return [];
  return [[name, 'as' in item && typeof item.as === 'string' ? item.as : name]];
}
