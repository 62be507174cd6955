import type { DocumentStore } from '@apollo/server';
import type { DocumentNode } from 'graphql';
import { RequestErrors } from '../errors.ts';
import type { Operations } from '../operations/operation.ts';
import type { ServedGraph, ServedGraphs } from '../served-graphs.ts';

/**
 * Hands Apollo Server the documents that are parsed and valid already: it
 * parses and validates only what it is going to refuse.
 */
export function documentStore(graphs: ServedGraphs, operations: Operations): DocumentStore {
  return {
    get(key) {
      const document = operations.byHash(key.slice(key.lastIndexOf(':') + 1));
      return Promise.resolve(
        document && isValid(operations, graphs.current, document) ? document : undefined,
      );
    },
    set: () => Promise.resolve(),
    delete: () => Promise.resolve(false),
  };
}

function isValid(operations: Operations, { loaded }: ServedGraph, document: DocumentNode): boolean {
  try {
    operations.validate(loaded.schema, document);
    return true;
  } catch (cause) {
    if (cause instanceof RequestErrors) return false;
    throw cause;
  }
}
