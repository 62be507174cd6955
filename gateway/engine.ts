import type { ApolloServer } from '@apollo/server';
import type { FormattedExecutionResult } from 'graphql';
import type { Log } from '../subgraphs/shared/log.ts';
import type { Tracing } from '../subgraphs/shared/telemetry.ts';
import type { Admission } from './limits/admission.ts';
import type { ApolloContext } from './pipeline/apollo-context.ts';
import type { AnswerDirectly } from './pipeline/direct.ts';
import type { TokenVerifier } from './auth/auth.ts';
import type { Limits } from './limits/limits.ts';
import type { Operations, PreparedOperation } from './operations/operation.ts';
import type { Caller } from './scope.ts';
import { scopeOf } from './scope.ts';
import type { forwarding } from './subgraph-client/rules.ts';
import type { Subscriptions } from './subscriptions/subscriptions.ts';
import type { Heartbeats } from './transports/heartbeats.ts';
import type { TokenWatch } from './transports/token-watch.ts';

/** What answers operations, whatever transport brings them. */
export interface Engine {
  readonly apollo: ApolloServer<ApolloContext>;
  /** Undefined when Apollo Server has to see every operation, to report it. */
  readonly direct: AnswerDirectly | undefined;
  readonly operations: Operations;
  readonly admission: Admission;
  readonly subscriptions: Subscriptions;
  /** Undefined lets everybody call. */
  readonly verifyToken: TokenVerifier | undefined;
  readonly limits: Limits;
  /** Takes from a request's headers what subgraphs get of them. */
  readonly forwarding: ReturnType<typeof forwarding>;
  /** The headers of requests that answers depend on, as `vary` names them. */
  readonly vary: string;
  readonly log: Log;
  readonly tracing: Tracing;
  /** Look after connections that stay open. */
  readonly heartbeats: Heartbeats;
  readonly tokens: TokenWatch;
}

/**
 * Runs a query or mutation for a transport that is not JSON over HTTP, through
 * the same pipeline. The errors of the result are fit for the client.
 */
export async function runOnce(
  { apollo, direct, limits }: Engine,
  operation: PreparedOperation,
  caller: Caller,
  signal: AbortSignal,
): Promise<FormattedExecutionResult> {
  const scope = scopeOf(caller, signal, limits.requestTimeoutMs);
  const answered = await direct?.(operation, scope, undefined);
  if (answered) return answered.result;
  const { query, operationName, variables } = operation.request;
  const { body } = await apollo.executeOperation(
    {
      query,
      ...(operationName === undefined ? {} : { operationName }),
      ...(variables ? { variables } : {}),
    },
    { contextValue: { scope, client: undefined, answer: { masked: false } } },
  );
  if (body.kind !== 'single') throw new Error('Incremental delivery is not served');
  const { errors, data, extensions } = body.singleResult;
  return {
    ...(errors ? { errors } : {}),
    ...(data === undefined ? {} : { data }),
    ...(extensions ? { extensions } : {}),
  };
}
