import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { Log } from '../../subgraphs/shared/log.ts';
import { apolloLogger } from '../apollo-logger.ts';
import type { Limits } from '../limits/limits.ts';
import type { ApolloContext } from './apollo-context.ts';
import { answers } from './answers.ts';
import { documentStore } from './document-store.ts';
import { hardenedGateway } from './hardened-gateway.ts';
import type { HardenedGatewayParts } from './hardened-gateway.ts';
import { rememberOriginal } from './original-errors.ts';
import { stockGateway } from './stock-gateway.ts';

export interface ApolloOptions extends HardenedGatewayParts {
  readonly production: boolean;
  /** With a key Apollo Server reports usage to GraphOS; without one nothing leaves the machine. */
  readonly apollo: { readonly key: string | undefined; readonly graphRef: string | undefined };
  readonly limits: Limits;
  readonly log: Log;
}

/** Starts the pipeline for queries and mutations: Apollo Server over Apollo Gateway. */
export async function startApollo(options: ApolloOptions): Promise<ApolloServer<ApolloContext>> {
  const { production, apollo, limits, graphs, operations, log } = options;
  const server = new ApolloServer<ApolloContext>({
    gateway: hardenedGateway(stockGateway(graphs, log), options),
    logger: apolloLogger(log),
    apollo: {
      ...(apollo.key === undefined ? {} : { key: apollo.key }),
      ...(apollo.graphRef === undefined ? {} : { graphRef: apollo.graphRef }),
    },
    nodeEnv: production ? 'production' : 'development',
    introspection: !production,
    hideSchemaDetailsFromClientErrors: production,
    includeStacktraceInErrorResponses: false,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    stopOnTerminationSignals: false,
    maxRecursiveSelections: true,
    documentStore: documentStore(graphs, operations),
    // Whatever came by an id is a text by now.
    persistedQueries: false,
    // Without the line end that would have it copied once more.
    stringifyResult: (result) => JSON.stringify(result),
    parseOptions: { maxLexicalTokens: limits.tokensMax },
    formatError: (formatted, error) => {
      rememberOriginal(formatted, error);
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
