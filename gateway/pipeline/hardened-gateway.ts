import type { ApolloGateway } from '@apollo/gateway';
import type { ApolloServerOptions } from '@apollo/server';
import { GraphQLError } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Tracing } from '../../subgraphs/shared/telemetry.ts';
import type { Caching, Run } from '../caching/caching.ts';
import { answerThrough } from '../caching/told-policy.ts';
import { httpStatusOf } from '../errors.ts';
import type { ClientOperation, Executor } from '../executor/executor.ts';
import { UnsupportedPlan } from '../executor/plan-fetches.ts';
import { runHardened } from '../hardening/hardening.ts';
import type { Operations } from '../operations/operation.ts';
import type { Scope } from '../scope.ts';
import type { ServedGraphs } from '../served-graphs.ts';
import type { GatewayMetrics } from '../telemetry.ts';
import type { ApolloContext } from './apollo-context.ts';

export interface HardenedGatewayParts {
  readonly graphs: ServedGraphs;
  readonly operations: Operations;
  readonly caching: Caching;
  readonly metrics: GatewayMetrics;
  readonly tracing: Tracing;
}

type GatewayInterface = NonNullable<ApolloServerOptions<ApolloContext>['gateway']>;

/**
 * The gateway with operations run by our executor, between the hardening of
 * documents and the way back. The stock executor takes what ours cannot run.
 *
 * An operation runs on the graph that it was validated for, even when another
 * one is served meanwhile.
 */
export function hardenedGateway(
  gateway: ApolloGateway,
  { graphs, operations, caching, metrics, tracing }: HardenedGatewayParts,
): GatewayInterface {
  return {
    onSchemaLoadOrUpdate: (callback) =>
      gateway.onSchemaLoadOrUpdate((context) => {
        callback({ ...context, apiSchema: graphs.current.loaded.schema });
      }),
    stop: () => gateway.stop(),
    async load(given) {
      const { executor: stock } = await gateway.load(given);
      return {
        async executor(requestContext) {
          const { request, document } = requestContext;
          const { scope } = requestContext.context as ApolloContext;
          const { loaded, hardening, executor } = graphs.of(requestContext.schema);
          const hardened = answerable(() => {
            operations.validate(loaded.schema, document);
            return hardening.harden({
              document,
              operationName: request.operationName,
              variables: request.variables,
              identity: scope.identity,
              measured: (cost) => {
                scope.account.cost = cost;
              },
            });
          });
          const { variables, overrides } = hardened;
          const execute: Run = (within) =>
            runHardened(hardened, async ({ document: safe, key }) => {
              const run = answerable(() =>
                prepared(executor, {
                  ...{ document: safe, operationName: undefined, variables, overrides },
                  planning: () => {
                    operations.countPlan(document, scope.identity);
                  },
                }),
              );
              planned(tracing, scope);
              if (run) return 'errors' in run ? run : executor.execute(run, within);
              metrics.fallback();
              within.policy?.forbid();
              return stock({
                ...requestContext,
                context: { ...requestContext.context, scope: within },
                document: safe,
                // Plans are kept under this: the same for the same text only.
                queryHash: key,
                request: { ...request, ...(variables ? { variables: { ...variables } } : {}) },
              });
            });
          return answerThrough(caching, requestContext, { loaded, hardened, scope }, execute);
        },
      };
    },
  };
}

/** Undefined for what our executor cannot run. */
function prepared(
  executor: Executor,
  operation: ClientOperation,
): ReturnType<Executor['prepare']> | undefined {
  try {
    return executor.prepare(operation);
  } catch (cause) {
    if (cause instanceof UnsupportedPlan) return undefined;
    throw cause;
  }
}

/** Takes note of the time that passed until it was known what to ask whom. */
function planned(tracing: Tracing, { account, traceparent }: Scope): void {
  account.preparedMs = performance.now() - account.startedMs;
  tracing.done('plan', traceparent, {}, account.startedMs);
}

/** A refusal before anything ran, with its status. */
function answerable<T>(harden: () => T): T {
  try {
    return harden();
  } catch (cause) {
    if (!(cause instanceof ForgeError)) throw cause;
    const { message, extensions } = cause;
    const status = httpStatusOf({ message, extensions });
    throw new GraphQLError(message, {
      originalError: cause,
      extensions: { ...extensions, http: { status } },
    });
  }
}
