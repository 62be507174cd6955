import type { ApolloServerPlugin } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';
import { GraphQLError, OperationTypeNode } from 'graphql';
import { maskErrors } from '../errors.ts';
import { logOperation } from '../operation-log.ts';
import { secondsSince } from '../telemetry.ts';
import type { GatewayMetrics } from '../telemetry.ts';
import { jsonTypes, prefers } from '../transports/accept.ts';
import type { ApolloContext } from './apollo-context.ts';
import { originalOf } from './original-errors.ts';

/** What happens to every answer on its way out. */
export function answers(metrics: GatewayMetrics): ApolloServerPlugin<ApolloContext> {
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

/** Errors for which GraphQL over HTTP asks 200 when the client wants `application/json`. */
function isAboutText({ extensions }: GraphQLFormattedError): boolean {
  return textCodes.has(String(extensions?.['code']));
}

const textCodes: ReadonlySet<string> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);
