import type { ExecutionResult } from 'graphql';
import { ForgeError } from '../../subgraphs/shared/errors.ts';
import type { Tracing } from '../../subgraphs/shared/telemetry.ts';
import { ruledHeaders } from './rules.ts';
import type { SubgraphRule } from './rules.ts';
import type { IdentityKeys } from './identity-signatures.ts';
import { identitySigner } from './identity-signatures.ts';
import type { Scope } from '../scope.ts';
import { secondsSince } from '../telemetry.ts';
import type { GatewayMetrics } from '../telemetry.ts';

export interface GraphRequest {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

/** A subgraph that can be asked: one mounted in this process, or one behind HTTP. */
export interface SubgraphLink {
  execute(
    request: GraphRequest,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<ExecutionResult>;
  /** An error before the stream opens is one result with errors, then the end. */
  subscribe(
    request: GraphRequest,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<ExecutionResult>>;
}

/** A subgraph mounted in this process. */
export interface SubgraphEndpoint extends SubgraphLink {
  readonly name: string;
  readonly sdl: string;
}

/** One subgraph, asked on behalf of one client operation at a time. */
export interface SubgraphClient {
  readonly name: string;
  /**
   * Gives the subgraph's answer, within the scope's deadline. Throws a
   * ForgeError when there is none: DEADLINE_EXCEEDED or SUBGRAPH_UNAVAILABLE.
   */
  execute(request: GraphRequest, scope: Scope): Promise<ExecutionResult>;
  /** Opens a stream that lives until its end or until the scope's signal aborts. */
  subscribe(request: GraphRequest, scope: Scope): Promise<AsyncIterable<ExecutionResult>>;
}

export interface SubgraphClientOptions {
  readonly rule: SubgraphRule;
  /** Without keys subgraphs are told nothing about who calls. */
  readonly identityKeys: IdentityKeys | undefined;
  readonly metrics: GatewayMetrics;
  readonly tracing: Tracing;
}

/**
 * Speaks to one subgraph, wherever it runs.
 *
 * Every call carries the caller's identity, signed for this subgraph and this
 * very operation, so that a stolen header is of no use elsewhere. The deadline
 * holds even when the subgraph ignores its signal.
 */
export function subgraphClient(
  name: string,
  link: SubgraphLink,
  { rule, identityKeys, metrics, tracing }: SubgraphClientOptions,
): SubgraphClient {
  const headersFor = callHeaders(name, rule, identityKeys);
  const measured = measuring(name, metrics);
  const traced = <T>(
    scope: Scope,
    call: (traceparent: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> =>
    tracing.span(`fetch ${name}`, scope.traceparent, {}, (traceparent) =>
      withinDeadline(name, scope, (signal) => call(traceparent, signal)),
    );
  const { timeoutMs = Infinity } = rule;
  /** A subgraph may have less time than the operation has. */
  const ruled = (scope: Scope): Scope => {
    if (timeoutMs === Infinity) return scope;
    const endsAt = Date.now() + timeoutMs;
    return endsAt < scope.deadlineAt ? { ...scope, deadlineAt: endsAt } : scope;
  };

  return {
    name,
    execute(request, given) {
      const scope = ruled(given);
      return measured(
        traced(scope, (traceparent, signal) => {
          const headers = headersFor(request, scope, traceparent);
          const ask = (signed: Headers): Promise<ExecutionResult> => {
            signed['x-forge-timeout-ms'] = String(Math.max(1, scope.deadlineAt - Date.now()));
            return link.execute(request, signed, signal);
          };
          // Nearly always there is nothing to wait for, and a wait is not for nothing.
          return headers instanceof Promise ? headers.then(ask) : ask(headers);
        }),
        scope,
      );
    },
    async subscribe(request, given) {
      const scope = ruled(given);
      const failed = new AbortController();
      const signal = AbortSignal.any([scope.signal, failed.signal]);
      const opening = withinDeadline(name, scope, async () =>
        link.subscribe(request, await headersFor(request, scope, scope.traceparent), signal),
      );
      try {
        return told(name, await measured(opening, scope), scope);
      } catch (cause) {
        // What was not opened in time must not be opened later, for nobody.
        failed.abort(cause);
        throw cause;
      }
    },
  };
}

type Headers = Record<string, string>;
type CallHeaders = (
  request: GraphRequest,
  scope: Scope,
  traceparent: string,
) => Headers | Promise<Headers>;

/** What a subgraph is told beside the operation. */
function callHeaders(
  name: string,
  rule: SubgraphRule,
  identityKeys: IdentityKeys | undefined,
): CallHeaders {
  const sign = identityKeys && identitySigner(identityKeys, name);
  return ({ query }, { requestId, identity, forwarded }, traceparent) => {
    const headers: Headers = {
      ...ruledHeaders(rule, forwarded),
      'x-request-id': requestId,
      traceparent,
    };
    if (!identity || !sign) return headers;
    const signed = sign(identity, query);
    if (typeof signed !== 'string') {
      return signed.then((text) => ({ ...headers, 'x-forge-identity': text }));
    }
    headers['x-forge-identity'] = signed;
    return headers;
  };
}

type Measuring = <T>(call: Promise<T>, scope: Scope) => Promise<T>;

function measuring(name: string, metrics: GatewayMetrics): Measuring {
  return async (call, { account }) => {
    const started = performance.now();
    try {
      const answer = await call;
      metrics.subgraphCall(name, 'answered', secondsSince(started));
      account.called(name, 'answered');
      return answer;
    } catch (cause) {
      metrics.subgraphCall(name, 'failed', secondsSince(started));
      account.called(name, 'failed');
      throw cause;
    }
  };
}

/** Runs a call that ends, by answer or by error, no later than the deadline or the scope's abort. */
function withinDeadline<T>(
  name: string,
  { signal, deadlineAt }: Scope,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const stop = (reason: Error): void => {
      settle();
      reject(reason);
      controller.abort(reason);
    };
    const onAbort = (): void => {
      const reason: unknown = signal.reason;
      stop(reason instanceof Error ? reason : new Error(String(reason)));
    };
    const timer = setTimeout(
      () => {
        stop(late(name));
      },
      Math.max(0, deadlineAt - Date.now()),
    );
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort);
    call(controller.signal).then(
      (answer) => {
        settle();
        resolve(answer);
      },
      (cause: unknown) => {
        settle();
        reject(cause instanceof ForgeError ? cause : unavailable(name, cause));
      },
    );
  });
}

function late(name: string): ForgeError {
  return new ForgeError('DEADLINE_EXCEEDED', `${name} did not answer in time.`, {
    retryable: true,
  });
}

/** A stream whose breaking off is told as such, and logged with its cause. */
async function* told(
  name: string,
  events: AsyncIterable<ExecutionResult>,
  scope: Scope,
): AsyncGenerator<ExecutionResult> {
  try {
    yield* events;
  } catch (cause) {
    if (!scope.signal.aborted) {
      const { requestId } = scope;
      scope.log.warn({ err: cause, subgraph: name, requestId }, 'subgraph stream broke');
    }
    throw cause instanceof ForgeError ? cause : unavailable(name, cause);
  }
}

/** The answer for a subgraph that gave none. */
export function unavailable(name: string, cause: unknown, retryAfterMs?: number): ForgeError {
  return new ForgeError('SUBGRAPH_UNAVAILABLE', `${name} cannot be reached at the moment.`, {
    cause,
    retryable: true,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
