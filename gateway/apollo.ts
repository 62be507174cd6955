import process from 'node:process';
import { ApolloGateway } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import type {
  ApolloServerOptions,
  ApolloServerPlugin,
  BaseContext,
  DocumentStore,
} from '@apollo/server';
import {
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { DocumentNode, GraphQLFormattedError } from 'graphql';
import { GraphQLError, OperationTypeNode } from 'graphql';
import { ForgeError } from '../subgraphs/shared/errors.ts';
import type { Log } from '../subgraphs/shared/log.ts';
import { apolloLogger } from './apollo-logger.ts';
import type { Caching, Run } from './caching/caching.ts';
import { answerThrough } from './caching/told-policy.ts';
import type { Operations } from './operations/operation.ts';
import type { ServedGraph, ServedGraphs } from './served-graphs.ts';
import { dataSource } from './subgraph-client/data-source.ts';
import type { ExecutionContext } from './subgraph-client/data-source.ts';
import type { ClientOperation, Executor } from './executor/executor.ts';
import { UnsupportedPlan } from './executor/plan-fetches.ts';
import { runHardened } from './hardening/hardening.ts';
import { planCheck } from './hardening/plan-check.ts';
import { httpStatusOf, maskErrors, RequestErrors } from './errors.ts';
import { logOperation } from './operation-log.ts';
import type { Limits } from './limits/limits.ts';
import { secondsSince } from './telemetry.ts';
import type { GatewayMetrics } from './telemetry.ts';
import { prefers } from './transports/accept.ts';

/** The context value of every operation that Apollo Server runs. */
export interface ApolloContext extends BaseContext, ExecutionContext {
  /** Apollo Server copies the context for each request; this part stays shared with its maker. */
  readonly answer: {
    /** True once the errors of the answer are fit for the client. */
    masked: boolean;
  };
}

export interface ApolloOptions {
  readonly graphs: ServedGraphs;
  readonly operations: Operations;
  readonly caching: Caching;
  readonly production: boolean;
  /** With a key Apollo Server reports usage to GraphOS; without one nothing leaves the machine. */
  readonly apollo: { readonly key: string | undefined; readonly graphRef: string | undefined };
  readonly limits: Limits;
  readonly metrics: GatewayMetrics;
  readonly log: Log;
}

/** Starts the pipeline for queries and mutations: Apollo Server over Apollo Gateway. */
export async function startApollo(options: ApolloOptions): Promise<ApolloServer<ApolloContext>> {
  const { production, apollo, limits } = options;
  const logger = apolloLogger(options.log);
  const server = new ApolloServer<ApolloContext>({
    gateway: hardenedGateway(silentGateway(options), options),
    logger,
    ...(apollo.key === undefined
      ? {}
      : {
          apollo: {
            key: apollo.key,
            ...(apollo.graphRef === undefined ? {} : { graphRef: apollo.graphRef }),
          },
        }),
    nodeEnv: production ? 'production' : 'development',
    introspection: !production,
    hideSchemaDetailsFromClientErrors: production,
    includeStacktraceInErrorResponses: false,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    stopOnTerminationSignals: false,
    maxRecursiveSelections: true,
    documentStore: documentStore(options),
    // Whatever came by an id is a text by now.
    persistedQueries: false,
    // Without the line end that would have it copied once more.
    stringifyResult: (result) => JSON.stringify(result),
    parseOptions: { maxLexicalTokens: limits.tokensMax },
    formatError: (formatted, error) => {
      originals.set(formatted, error);
      return formatted;
    },
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ...(apollo.key === undefined ? [ApolloServerPluginUsageReportingDisabled()] : []),
      answers(options.metrics),
    ],
  });
  await server.start();
  return server;
}

/** The error behind each formatted one, for as long as both live. */
const originals = new WeakMap<GraphQLFormattedError, unknown>();

/** The error that Apollo Server formatted, or the formatted one when it is not known. */
function originalOf(formatted: GraphQLFormattedError): unknown {
  return originals.get(formatted) ?? formatted;
}

/**
 * Makes an ApolloGateway that reports nothing, over the supergraph that is served.
 *
 * Its constructor starts an exporter of metrics to Apollo, and looks for the
 * metadata service of four clouds, unless this variable of the process is set
 * at that moment; there is no option for it.
 */
function silentGateway({ graphs, log }: ApolloOptions): ApolloGateway {
  const { env } = process;
  const name = 'APOLLO_TELEMETRY_DISABLED';
  const checkPlan = planCheck();
  const before = env[name];
  env[name] = 'true';
  try {
    return new ApolloGateway({
      supergraphSdl({ update }) {
        graphs.onReplaced(({ loaded }) => {
          update(loaded.sdl);
        });
        return Promise.resolve({ supergraphSdl: graphs.current.loaded.sdl });
      },
      logger: apolloLogger(log),
      __exposeQueryPlanExperimental: false,
      experimental_didResolveQueryPlan: ({ queryPlan, operationContext }) => {
        const { operation, fragments } = operationContext;
        checkPlan(queryPlan, operation, new Map(Object.entries(fragments)));
      },
      buildService: ({ name: subgraph }) => dataSource(subgraph, graphs),
    });
  } finally {
    if (before === undefined) Reflect.deleteProperty(env, name);
    else env[name] = before;
  }
}

type GatewayInterface = NonNullable<ApolloServerOptions<ApolloContext>['gateway']>;

/**
 * The gateway with operations run by our executor, between the hardening of
 * documents and the way back. The stock executor takes what ours cannot run.
 *
 * An operation runs on the graph that it was validated for, even when another
 * one is served meanwhile.
 */
function hardenedGateway(gateway: ApolloGateway, options: ApolloOptions): GatewayInterface {
  const { graphs, operations, caching, metrics } = options;
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
              scope.account.preparedMs = performance.now() - scope.account.startedMs;
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

/**
 * Hands Apollo Server the documents that are parsed and valid already: it
 * parses and validates only what it is going to refuse.
 */
function documentStore({ graphs, operations }: ApolloOptions): DocumentStore {
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

/** What happens to every answer on its way out. */
function answers(metrics: GatewayMetrics): ApolloServerPlugin<ApolloContext> {
  return {
    requestDidStart() {
      const started = performance.now();
      return Promise.resolve({
        didResolveOperation({ operation }) {
          if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return Promise.resolve();
          throw new GraphQLError(subscriptionOverJson, {
            extensions: { code: 'BAD_REQUEST', http: { status: 406 } },
          });
        },
        willSendResponse({ response, request, contextValue, operation, queryHash }) {
          if (response.body.kind !== 'single') return Promise.resolve();
          const { singleResult } = response.body;
          const outcome = singleResult.errors ? 'errors' : 'ok';
          metrics.operation(operation?.operation ?? 'none', outcome, secondsSince(started));
          if (singleResult.errors) {
            const errors = singleResult.errors.map(originalOf);
            singleResult.errors = maskErrors(errors, contextValue.scope);
          }
          contextValue.answer.masked = true;
          logOperation(
            {
              kind: operation?.operation ?? 'none',
              name: operation?.name?.value,
              hash: queryHash,
              client: request.http?.headers.get('apollographql-client-name'),
              errors: singleResult.errors,
            },
            contextValue.scope,
          );
          const refused =
            singleResult.data === undefined && singleResult.errors?.every(isAboutText);
          const accept = request.http?.headers.get('accept');
          if (refused && request.http && prefers(accept, jsonTypes) === 'application/json') {
            response.http.status = 200;
          }
          return Promise.resolve();
        },
      });
    },
  };
}

export const subscriptionOverJson =
  'Subscriptions are streamed: accept text/event-stream or multipart/mixed;subscriptionSpec=1.0, ' +
  'or open a WebSocket with the graphql-transport-ws protocol.';

/** The media types of one JSON answer, the older first. */
export const jsonTypes = ['application/json', 'application/graphql-response+json'] as const;

/** Errors for which GraphQL over HTTP asks 200 when the client wants `application/json`. */
function isAboutText({ extensions }: GraphQLFormattedError): boolean {
  return textCodes.has(String(extensions?.['code']));
}

const textCodes: ReadonlySet<string> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);
