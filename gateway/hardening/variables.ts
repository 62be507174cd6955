import type { DocumentNode } from 'graphql';
import { Kind, visit } from 'graphql';
import { isTakenVariable, prefixes } from './names.ts';

/** A document without variables that fetches need for themselves. */
export interface SafeVariables {
  readonly document: DocumentNode;
  /** The client's values under the new names. */
  readonly rename: (
    variables: Readonly<Record<string, unknown>> | undefined,
  ) => Readonly<Record<string, unknown>> | undefined;
}

/**
 * Renames variables such as `$representations`, under which a fetch sends its
 * entities: a client's own would fail, or be taken for them.
 */
export function safeVariables(document: DocumentNode): SafeVariables {
  const taken = new Map<string, string>();
  const renamed = visit(document, {
    Variable(variable) {
      const name = variable.name.value;
      if (!isTakenVariable(name)) return undefined;
      taken.set(name, prefixes.variable + name);
      return { ...variable, name: { kind: Kind.NAME, value: prefixes.variable + name } };
    },
  });
  if (taken.size === 0) return { document, rename: (variables) => variables };
  return {
    document: renamed,
    rename: (variables) =>
      variables &&
      Object.fromEntries(
        Object.entries(variables).map(([name, value]) => [taken.get(name) ?? name, value]),
      ),
  };
}
