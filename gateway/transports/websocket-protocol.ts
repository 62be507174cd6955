import type { IncomingMessage } from 'node:http';
import type { ExecutionArgs, ExecutionResult, FormattedExecutionResult } from 'graphql';
import { GraphQLSchema } from 'graphql';
import { CloseCode, makeServer } from 'graphql-ws';
import type { Context } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Identity } from '../../subgraphs/shared/auth.ts';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import { authenticate, whenExpired } from '../auth/auth.ts';
import type { Engine } from '../engine.ts';
import { runOnce } from '../engine.ts';
import { asGraphQLError, maskThrown, RequestErrors } from '../errors.ts';
import { eventsOf } from '../subscriptions/event-stream.ts';
import type { OperationRequest, PreparedOperation } from '../operations/operation.ts';
import { receivedOperation } from '../operations/received.ts';
import type { Caller } from '../scope.ts';
import { callerOf } from '../scope.ts';
import type { Events } from '../subscriptions/subscriptions.ts';

/** What one connection carries beside its socket. */
export interface Connection {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** Aborts when the client has left. */
  readonly gone: AbortController;
  identity?: Identity | undefined;
  /** The running operations' callers, by the client's ids. */
  readonly callers: Map<string, Caller>;
  /** The ids of queries and mutations that are not answered yet. */
  readonly underWay: Set<string>;
  /** Called when the last of them is. */
  whenIdle?: () => void;
}

/** What `onSubscribe` prepares and `execute` or `subscribe` runs. */
interface Prepared {
  readonly operation: PreparedOperation;
  readonly request: OperationRequest;
  readonly caller: Caller;
  readonly connection: Connection;
}

type Params = Record<string, unknown>;

/** The `graphql-transport-ws` protocol: its messages are the library's, what they do is ours. */
export function webSocketProtocol(engine: Engine) {
  return makeServer<Params, Connection>({
    connectionInitWaitTimeout: initTimeoutMs,
    onConnect: (context) => connect(context, engine),
    onSubscribe: (context, id, payload) => {
      const { extra: connection } = context;
      const forwarded = engine.forwarding(connection.request.headers);
      const caller = callerOf({ forwarded }, connection.identity, engine.log);
      connection.callers.set(id, caller);
      try {
        limitOperations(context, engine);
        const received = receivedOperation(payload);
        if (!received) throw new ForgeError('BAD_USER_INPUT', 'There is no "query".');
        const operation = engine.operations.prepare(received, connection.identity);
        const { request } = operation;
        if (operation.kind !== 'subscription') connection.underWay.add(id);
        return executionArgs({ operation, request, caller, connection });
      } catch (cause) {
        return maskThrown(cause, caller).map(asGraphQLError);
      }
    },
    execute: (args) => failing(() => run(preparedIn(args), engine)),
    subscribe: (args) => failing(() => open(preparedIn(args), engine)),
    onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
    onError: ({ extra }, id, _payload, errors) => {
      const caller = extra.callers.get(id) ?? callerOf({}, undefined, engine.log);
      finished(extra, id);
      return errors.flatMap((error) =>
        error.originalError ? maskThrown(error.originalError, caller) : [error.toJSON()],
      );
    },
    onComplete: ({ extra }, id) => {
      finished(extra, id);
    },
  });
}

function finished(connection: Connection, id: string): void {
  connection.callers.delete(id);
  connection.underWay.delete(id);
  if (connection.underWay.size === 0) connection.whenIdle?.();
}

const initTimeoutMs = 10_000;
const forbidden: number = CloseCode.Forbidden;

async function connect(
  { connectionParams, extra }: Context<Params, Connection>,
  { verifyToken, log }: Engine,
): Promise<boolean> {
  const { socket, request, gone } = extra;
  const given = connectionParams?.['authorization'] ?? connectionParams?.['Authorization'];
  const authorization = typeof given === 'string' ? asBearer(given) : request.headers.authorization;
  if (verifyToken && authorization === undefined) {
    socket.close(CloseCode.Unauthorized, 'Unauthorized: send authorization in connection_init');
    return new Promise(() => undefined);
  }
  try {
    extra.identity = await authenticate(authorization, verifyToken);
  } catch (cause) {
    log.debug({ err: cause }, 'websocket refused');
    return false;
  }
  const forget = whenExpired(extra.identity, () => {
    socket.close(forbidden, 'token expired');
  });
  gone.signal.addEventListener('abort', forget, { once: true });
  if (gone.signal.aborted) forget();
  return true;
}

/** Clients send the header's value or the token alone. */
function asBearer(value: string): string {
  return /^Bearer /i.test(value) ? value : `Bearer ${value}`;
}

function limitOperations({ subscriptions }: Context<Params, Connection>, { limits }: Engine): void {
  const max = limits.subscriptionsPerConnectionMax;
  if (Object.keys(subscriptions).length <= max) return;
  throw new ForgeError(
    'LIMIT_EXCEEDED',
    `One connection carries at most ${String(max)} operations at a time. Open another one.`,
  );
}

const emptySchema = new GraphQLSchema({});

/** graphql-ws hands its arguments through; the schema is not used, nothing executes locally. */
function executionArgs(prepared: Prepared): ExecutionArgs {
  const { document, operationName } = prepared.operation;
  const schema = emptySchema;
  return { schema, document, operationName: operationName ?? null, contextValue: prepared };
}

function preparedIn({ contextValue }: ExecutionArgs): Prepared {
  return contextValue as Prepared;
}

/** Runs a query or mutation. One that was refused before it ran ends in an `error` message. */
async function run(
  { operation, request, caller, connection }: Prepared,
  engine: Engine,
): Promise<FormattedExecutionResult> {
  // A mutation whose client has left still comes to its end.
  const { signal } = operation.kind === 'query' ? connection.gone : new AbortController();
  const leave = await engine.admission.enter(
    caller.identity,
    lengthOf(request),
    connection.gone.signal,
  );
  const result = await runOnce(engine, request, caller, signal).finally(leave);
  if (result.errors && !('data' in result)) {
    throw new RequestErrors(result.errors.map(asGraphQLError));
  }
  return result;
}

async function open(
  { operation, request, caller, connection }: Prepared,
  { admission, subscriptions }: Engine,
): Promise<Events> {
  const { signal } = connection.gone;
  const leave = await admission.enter(caller.identity, lengthOf(request), signal);
  return subscriptions.open(operation, request, caller, signal).finally(leave);
}

/** About how long a message was; its variables are in memory by now and are counted as a text's. */
function lengthOf({ query, variables }: OperationRequest): number {
  return query.length + (variables ? JSON.stringify(variables).length : 0);
}

type Answer = ExecutionResult | AsyncGenerator<ExecutionResult>;

/**
 * A failure to start becomes a stream that fails: the protocol turns it into
 * an `error` message. The errors of results are already masked.
 */
async function failing(start: () => Promise<FormattedExecutionResult | Events>): Promise<Answer> {
  try {
    return (await start()) as Answer;
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    return eventsOf(Promise.reject<ExecutionResult>(error));
  }
}
