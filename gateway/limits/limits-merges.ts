import type { DocumentNode, OperationDefinitionNode, SelectionSetNode } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { singleOperation } from '../hardening/document.ts';
import { byResponseKey } from '../hardening/shape.ts';

/**
 * Refuses an operation in which too many fields stand under one response key.
 *
 * Validation compares each of them with each other, so a text that keeps every
 * other limit could hold a process up for seconds. Stops as soon as the limit
 * is passed.
 */
export function checkMerges(
  document: DocumentNode,
  { name }: OperationDefinitionNode,
  mergesMax: number,
): void {
  const single = singleOperation(document, name?.value);
  if (!single) return;
  let pairs = 0;
  const visit = (sets: readonly SelectionSetNode[]): void => {
    for (const fields of byResponseKey(sets, single).values()) {
      pairs += (fields.length * (fields.length - 1)) / 2;
      if (pairs > mergesMax) throw tooMany(mergesMax);
      const below = fields.flatMap(({ selectionSet }) => selectionSet ?? []);
      if (below.length > 0) visit(below);
    }
  };
  visit([single.operation.selectionSet]);
}

function tooMany(mergesMax: number): ForgeError {
  return new ForgeError(
    'LIMIT_EXCEEDED',
    `The operation selects the same fields again and again: more than ${String(mergesMax)} pairs of them have to be compared. Select each once.`,
  );
}
