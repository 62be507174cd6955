import type { ExecutionResult, FormattedExecutionResult } from 'graphql';
import { getOperationAST, getVariableValues, GraphQLError } from 'graphql';
import { RequestErrors, maskErrors } from '../errors.ts';
import { eventStream } from './event-stream.ts';
import type { EventStream } from './event-stream.ts';
import type { Limits } from '../limits/limits.ts';
import type { OperationRequest, Operations, PreparedOperation } from '../operations/operation.ts';
import type { Caller, Scope } from '../scope.ts';
import { scopeOf } from '../scope.ts';
import type { ServedGraphs } from '../served-graphs.ts';
import type { LoadedSupergraph } from '../supergraph/supergraph.ts';
import type { GatewayMetrics } from '../telemetry.ts';

export type Events = EventStream<FormattedExecutionResult>;

export interface Subscriptions {
  /**
   * Opens a subscription: its root field's events from the subgraph that owns
   * it, each completed by the other subgraphs, in the order they came.
   *
   * One event is under way at a time and the next is read only when the last
   * was taken: a slow reader slows its source and nothing piles up between.
   * A subgraph that fails to complete an event leaves an error at its fields
   * and the stream goes on. Leaving the stream closes its source at once.
   * Throws RequestErrors or a ForgeError when nothing can be opened.
   */
  open(
    operation: PreparedOperation,
    request: OperationRequest,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<Events>;
}

export interface SubscriptionParts {
  readonly graphs: ServedGraphs;
  readonly operations: Operations;
  readonly limits: Limits;
  readonly metrics: GatewayMetrics;
}

export function subscriptions(parts: SubscriptionParts): Subscriptions {
  const { graphs, operations, limits } = parts;
  return {
    async open(operation, request, caller, signal) {
      const { loaded, hardening, executor, clients } = graphs.current;
      operations.validate(loaded.schema, operation.document);
      checkVariables(loaded, operation, request.variables);
      const { document, operationName } = operation;
      const { variables } = request;
      const hardened = hardening.harden({
        ...{ document, operationName, variables, identity: caller.identity },
      });
      const planning = (): void => {
        operations.countPlan(document, caller.identity);
      };
      const run = executor.prepare({ ...hardened, operationName: undefined, planning });
      if ('errors' in run) throw new RequestErrors(run.errors);
      const { first } = run;
      const client = first && clients.get(first.subgraph);
      if (!client) throw new Error('No subgraph serves the subscription');

      const controller = new AbortController();
      const leave = (): void => {
        controller.abort(signal.reason);
      };
      if (signal.aborted) leave();
      signal.addEventListener('abort', leave, { once: true });
      controller.signal.addEventListener('abort', () => {
        signal.removeEventListener('abort', leave);
      });
      const scope = scopeOf(caller, controller.signal, limits.requestTimeoutMs);
      const source = await client.subscribe(first.request, scope);
      const { metrics } = parts;
      metrics.streamOpened(client.name);
      controller.signal.addEventListener('abort', () => {
        metrics.streamClosed(client.name);
      });
      // The executor that runs queries completes each event, as the answer to the first request.
      const complete: Complete = async (event, within) => {
        metrics.event(client.name);
        const { data = null, errors } = hardened.restore(
          await executor.execute(run, within, event),
        );
        return { ...(errors ? { errors: maskErrors(errors, within) } : {}), data };
      };
      return eventStream(completed(source, scope, limits, complete), controller);
    },
  };
}

type Complete = (event: ExecutionResult, scope: Scope) => Promise<FormattedExecutionResult>;

async function* completed(
  source: AsyncIterable<ExecutionResult>,
  scope: Scope,
  limits: Limits,
  complete: Complete,
): AsyncGenerator<FormattedExecutionResult, undefined, undefined> {
  for await (const event of source) {
    yield await complete(event, scopeOf(scope, scope.signal, limits.eventTimeoutMs));
  }
  return undefined;
}

function checkVariables(
  { schema }: LoadedSupergraph,
  { document, operationName }: PreparedOperation,
  variables: Record<string, unknown> | undefined,
): void {
  const definitions = getOperationAST(document, operationName)?.variableDefinitions ?? [];
  const { errors } = getVariableValues(schema, definitions, variables ?? {});
  if (!errors) return;
  throw new RequestErrors(
    errors.map(
      ({ message, nodes }) =>
        new GraphQLError(message, { nodes: nodes ?? null, extensions: { code: 'BAD_USER_INPUT' } }),
    ),
  );
}
