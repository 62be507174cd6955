import type { GraphQLRequestContext } from '@apollo/server';
import type { DocumentNode, ExecutionResult, OperationDefinitionNode } from 'graphql';
import { OperationTypeNode } from 'graphql';
import type { Scope } from '../scope.ts';
import type { Caching, Question, Run } from './caching.ts';
import type { Answer } from './response-store.ts';

/** What Apollo Server hands to whoever runs an operation. */
interface Requested {
  readonly operation: OperationDefinitionNode;
  readonly document: DocumentNode;
  readonly queryHash: string;
  readonly request: Question['request'];
}

/**
 * Runs an operation through the caches, and tells how long its answer may be
 * kept, so that Apollo Server writes it as `cache-control`. An answer without a
 * policy, or with errors, goes out as `no-store`.
 */
export async function answerThrough(
  caching: Caching,
  requested: Requested,
  parts: Pick<Question, 'loaded' | 'hardened'> & { readonly scope: Scope },
  run: Run,
): Promise<ExecutionResult> {
  const { operation, document, queryHash: text, request } = requested;
  const { scope, ...question } = parts;
  if (operation.operation !== OperationTypeNode.QUERY) return caching.mutate(scope, run);
  const answer = await caching.answer({ ...question, document, text, request }, scope, run);
  tellPolicy(requested, answer);
  return answer.result;
}

/** The parts of Apollo Server's request that say how long its answer may be kept. */
type Told = Pick<GraphQLRequestContext<object>, 'overallCachePolicy' | 'response'>;

function tellPolicy(requested: object, { policy, age }: Answer): void {
  const { overallCachePolicy, response } = requested as Told;
  if (!policy) return;
  const { maxAge, isPrivate } = policy;
  overallCachePolicy.restrict({ maxAge, scope: isPrivate ? 'PRIVATE' : 'PUBLIC' });
  if (age !== undefined) response.http.headers.set('age', String(age));
}
