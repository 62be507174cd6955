import type { ConstDirectiveNode, DefinitionNode, DocumentNode } from 'graphql';
import { Kind, print, valueFromASTUntyped } from 'graphql';

/**
 * The supergraph as the planner and Apollo Gateway can run it. The text is
 * kept as it is when there is nothing to change.
 *
 * Keys that can be resolved come before those of the same subgraph that
 * cannot: the planner enters a subgraph by the first that fits, and would
 * follow a key nobody answers. Links that are for SECURITY lose that mark:
 * Apollo refuses features of which it knows that they protect something. What
 * they ask for is enforced by this gateway instead (see authz-rules).
 *
 * Throws for a supergraph with `@context`. The planner does not wait for the
 * values that a field takes from its context before it asks for the field, and
 * drops what a client selects under an alias that is such a field's name.
 */
export function runnableSdl(composed: string, ast: DocumentNode): string {
  const definitions = ast.definitions.map((definition) => {
    const directives = directivesOf(definition);
    if (directives.some(linksContext)) throw new Error(contextRefused);
    const isSchema =
      definition.kind === Kind.SCHEMA_DEFINITION || definition.kind === Kind.SCHEMA_EXTENSION;
    return withDirectives(
      definition,
      isSchema ? directives.map(unmarked) : keysInOrder(directives),
    );
  });
  const isSame = definitions.every((definition, index) => definition === ast.definitions[index]);
  return isSame ? composed : print({ ...ast, definitions });
}

const contextRefused =
  'This gateway cannot run a supergraph with @context and @fromContext: plans for it may pass wrong values. ' +
  'Give the fields that take values from a context ordinary arguments, or let them @requires what they need.';

function linksContext(directive: ConstDirectiveNode): boolean {
  const url = argumentOf(directive, 'url');
  return typeof url === 'string' && /\/context\/v[\d.]+$/.test(url);
}

function directivesOf(definition: DefinitionNode): readonly ConstDirectiveNode[] {
  return 'directives' in definition
    ? ((definition.directives ?? []) as readonly ConstDirectiveNode[])
    : [];
}

function withDirectives(
  definition: DefinitionNode,
  directives: readonly ConstDirectiveNode[],
): DefinitionNode {
  const before = directivesOf(definition);
  const isSame = directives.every((directive, index) => directive === before[index]);
  return isSame ? definition : { ...definition, directives };
}

function unmarked(directive: ConstDirectiveNode): ConstDirectiveNode {
  const isMark = (name: string, value: unknown) => name === 'for' && value === 'SECURITY';
  const kept = directive.arguments?.filter(
    ({ name, value }) => !isMark(name.value, valueFromASTUntyped(value)),
  );
  return kept?.length === directive.arguments?.length
    ? directive
    : { ...directive, arguments: kept ?? [] };
}

/** Moves no key but behind resolvable ones of its own subgraph, into their places. */
function keysInOrder(directives: readonly ConstDirectiveNode[]): readonly ConstDirectiveNode[] {
  const places = new Map<unknown, number[]>();
  for (const [index, directive] of directives.entries()) {
    if (directive.name.value !== 'join__type') continue;
    const graph = argumentOf(directive, 'graph');
    places.set(graph, [...(places.get(graph) ?? []), index]);
  }
  const ordered = [...directives];
  for (const indices of places.values()) {
    const own = indices.flatMap((index) => directives[index] ?? []);
    const isResolvable = (one: ConstDirectiveNode) => argumentOf(one, 'resolvable') !== false;
    const sorted = [...own.filter(isResolvable), ...own.filter((one) => !isResolvable(one))];
    for (const [nth, index] of indices.entries()) {
      const directive = sorted[nth];
      if (directive) ordered[index] = directive;
    }
  }
  return ordered;
}

function argumentOf(directive: ConstDirectiveNode, name: string): unknown {
  const node = directive.arguments?.find((one) => one.name.value === name);
  return node && valueFromASTUntyped(node.value);
}
