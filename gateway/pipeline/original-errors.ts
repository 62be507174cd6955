import type { GraphQLFormattedError } from 'graphql';

/** The error behind each formatted one, for as long as both live. */
const originals = new WeakMap<GraphQLFormattedError, unknown>();

/** Remembers what stands behind an error that Apollo Server formatted. */
export function rememberOriginal(formatted: GraphQLFormattedError, error: unknown): void {
  originals.set(formatted, error);
}

/** The error that Apollo Server formatted, or the formatted one when it is not known. */
export function originalOf(formatted: GraphQLFormattedError): unknown {
  return originals.get(formatted) ?? formatted;
}
