import { buildOperationContext, executeQueryPlan } from '@apollo/gateway';
import type { GraphQLDataSource } from '@apollo/gateway';
import type { FetchNode, PlanNode, SubscriptionNode } from '@apollo/query-planner';
import type { ExecutionResult, FormattedExecutionResult } from 'graphql';
import { getOperationAST, getVariableValues, GraphQLError } from 'graphql';
import { RequestErrors, maskErrors } from './errors.ts';
import { eventStream } from './event-stream.ts';
import type { EventStream } from './event-stream.ts';
import { responseOf } from './data-source.ts';
import type { ExecutionContext } from './data-source.ts';
import type { HardenedOperation, Hardening } from './hardening/hardening.ts';
import type { Limits } from './limits.ts';
import type { OperationRequest, Operations, PreparedOperation } from './operation.ts';
import type { Planner } from './planner.ts';
import type { Caller, Scope } from './scope.ts';
import { scopeOf } from './scope.ts';
import type { GraphRequest, SubgraphClient } from './subgraph-client.ts';
import type { LoadedSupergraph } from './supergraph.ts';
import type { GatewayMetrics } from './telemetry.ts';

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
  readonly loaded: LoadedSupergraph;
  readonly operations: Operations;
  readonly planner: Planner;
  readonly hardening: Hardening;
  readonly clients: ReadonlyMap<string, SubgraphClient>;
  readonly dataSources: Readonly<Record<string, GraphQLDataSource>>;
  readonly limits: Limits;
  readonly metrics: GatewayMetrics;
}

export function subscriptions(parts: SubscriptionParts): Subscriptions {
  const { operations, planner, clients, limits } = parts;
  return {
    async open(operation, request, caller, signal) {
      operations.validate(operation);
      checkVariables(parts.loaded, operation, request.variables);
      const { document, operationName } = operation;
      const { variables } = request;
      const hardened = parts.hardening.harden({
        ...{ document, operationName, variables, identity: caller.identity },
      });
      const plan = planner.planSubscription({ ...hardened, operationName });
      const client = clients.get(plan.primary.serviceName);
      if (!client) throw new Error(`No subgraph ${plan.primary.serviceName}`);

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
      const source = await client.subscribe(primaryRequest(plan.primary, hardened), scope);
      const complete = completer(parts, operationName, hardened, plan);
      const { metrics } = parts;
      metrics.streamOpened(client.name);
      controller.signal.addEventListener('abort', () => {
        metrics.streamClosed(client.name);
      });
      const counted: Complete = (event, within) => {
        metrics.event(client.name);
        return complete(event, within);
      };
      return eventStream(completed(source, scope, limits, counted), controller);
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

function primaryRequest(primary: FetchNode, { variables }: HardenedOperation): GraphRequest {
  const used = (primary.variableUsages ?? []).filter((name) => variables?.[name] !== undefined);
  return {
    query: primary.operation,
    variables: Object.fromEntries(used.map((name) => [name, variables?.[name]])),
    ...(primary.operationName === undefined ? {} : { operationName: primary.operationName }),
  };
}

/** The pseudo subgraph that answers the plan's root with the event at hand. */
const eventService = '(event)';

/**
 * Completes one event with the executor that runs queries, on the plan
 * "the event, then the rest". Aliases, `@requires`, entity batches, null
 * propagation and partial failure are therefore exactly those of a query.
 */
function completer(
  { loaded, dataSources }: SubscriptionParts,
  operationName: string | undefined,
  { key, document, variables, restore }: HardenedOperation,
  { primary, rest }: SubscriptionNode,
): Complete {
  const seed: FetchNode = { ...primary, serviceName: eventService };
  const node: PlanNode = rest ? { kind: 'Sequence', nodes: [seed, rest] } : seed;
  const operationContext = buildOperationContext({
    schema: loaded.schema,
    operationDocument: document,
    ...(operationName === undefined ? {} : { operationName }),
  });

  return async (event, scope) => {
    const answer = responseOf(event);
    const executed = await executeQueryPlan(
      { kind: 'QueryPlan', node },
      { ...dataSources, [eventService]: { process: () => Promise.resolve(answer) } },
      requestContext(loaded, { key, document }, operationContext.operation, variables, scope),
      operationContext,
      loaded.supergraphSchema,
      loaded.apiSchema,
    );
    const result = restore(executed);
    return {
      ...(result.errors ? { errors: maskErrors(result.errors, scope) } : {}),
      data: result.data ?? null,
    };
  };
}

type GatewayGraphQLRequestContext = Parameters<typeof executeQueryPlan>[2];

/** What the executor needs of a request; the rest of the interface belongs to queries. */
function requestContext(
  { schema }: LoadedSupergraph,
  { document, key }: Pick<PreparedOperation, 'document' | 'key'>,
  operation: GatewayGraphQLRequestContext['operation'],
  variables: Record<string, unknown> | undefined,
  scope: Scope,
): GatewayGraphQLRequestContext {
  const context: ExecutionContext = { scope };
  return {
    request: { variables: variables ?? {} },
    context,
    logger: silent,
    schema,
    document,
    source: key,
    operation,
    operationName: operation.name?.value ?? null,
    queryHash: key,
    metrics: {},
    overallCachePolicy: undefined,
    schemaHash: '' as GatewayGraphQLRequestContext['schemaHash'],
    cache: { get: nothing, set: nothing, delete: nothing },
  };
}

const nothing = (): Promise<undefined> => Promise.resolve(undefined);
const quiet = (): void => undefined;
const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet };
