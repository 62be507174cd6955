import type { ApolloServerPlugin } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';
import { GraphQLError, OperationTypeNode } from 'graphql';
import type { GatewayMetrics } from '../telemetry.ts';
import { jsonTypes, prefers } from '../transports/accept.ts';
import type { ApolloContext } from './apollo-context.ts';
import { concluded } from './concluded.ts';
import { originalOf } from './original-errors.ts';

/** What happens to every answer on its way out. */
export function answers(metrics: GatewayMetrics): ApolloServerPlugin<ApolloContext> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation({ operation }) {
          if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return Promise.resolve();
          throw new GraphQLError(subscriptionOverJson, {
            extensions: { code: 'BAD_REQUEST', http: { status: 406 } },
          });
        },
        willSendResponse({ response, request, contextValue, operation, queryHash }) {
          if (response.body.kind !== 'single') return Promise.resolve();
          const { singleResult } = response.body;
          const errors = concluded(
            {
              kind: operation?.operation ?? 'none',
              name: operation?.name?.value,
              hash: queryHash,
              client: contextValue.client,
            },
            singleResult.errors?.map(originalOf),
            contextValue.scope,
            metrics,
          );
          if (errors) singleResult.errors = errors;
          contextValue.answer.masked = true;
          const refused = singleResult.data === undefined && errors?.every(isAboutText);
          const accept = request.http?.headers.get('accept');
          if (refused && request.http && prefers(accept, jsonTypes) === 'application/json') {
            response.http.status = 200;
          }
          return Promise.resolve();
        },
      }),
  };
}

export const subscriptionOverJson =
  'Subscriptions are streamed: accept text/event-stream or multipart/mixed;subscriptionSpec=1.0, ' +
  'or open a WebSocket with the graphql-transport-ws protocol.';

/** Errors for which GraphQL over HTTP asks 200 when the client wants `application/json`. */
function isAboutText({ extensions }: GraphQLFormattedError): boolean {
  return textCodes.has(String(extensions?.['code']));
}

const textCodes: ReadonlySet<string> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);
