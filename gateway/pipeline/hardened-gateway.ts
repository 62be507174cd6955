import type { ApolloGateway } from '@apollo/gateway';
import type { ApolloServerOptions } from '@apollo/server';
import { GraphQLError } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Caching } from '../caching/caching.ts';
import { answerThrough } from '../caching/told-policy.ts';
import { httpStatusOf } from '../errors.ts';
import type { ServedGraphs } from '../served-graphs.ts';
import type { GatewayMetrics } from '../telemetry.ts';
import type { ApolloContext } from './apollo-context.ts';
import { readyOperation } from './ready-operation.ts';
import type { ReadyParts, RunPart } from './ready-operation.ts';

export interface HardenedGatewayParts extends ReadyParts {
  readonly graphs: ServedGraphs;
  readonly caching: Caching;
  readonly metrics: GatewayMetrics;
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
  parts: HardenedGatewayParts,
): GatewayInterface {
  const { graphs, caching, metrics } = parts;
  return {
    onSchemaLoadOrUpdate: (callback) =>
      gateway.onSchemaLoadOrUpdate((context) => {
        callback({ ...context, apiSchema: graphs.current.loaded.schema });
      }),
    stop: () => gateway.stop(),
    async load(given) {
      const { executor } = await gateway.load(given);
      return {
        async executor(requestContext) {
          const { request, document, context } = requestContext;
          const { operationName, variables } = request;
          const { scope } = context as ApolloContext;
          const graph = graphs.of(requestContext.schema);
          const ready = answerable(() =>
            readyOperation(parts, { graph, document, operationName, variables, scope }),
          );
          const { hardened } = ready;
          const stock: RunPart = async (part, within) => {
            metrics.fallback();
            within.policy?.forbid();
            return executor({
              ...requestContext,
              context: { ...context, scope: within },
              document: part.document,
              // Plans are kept under this: the same for the same text only.
              queryHash: part.key,
              request: {
                ...request,
                ...(hardened.variables ? { variables: { ...hardened.variables } } : {}),
              },
            });
          };
          return answerThrough(
            caching,
            requestContext,
            { loaded: graph.loaded, hardened, scope },
            (within) => ready.run(within, stock),
          );
        },
      };
    },
  };
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
