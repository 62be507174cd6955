import { randomUUID } from 'node:crypto';
import type { Identity } from '../subgraphs/shared/auth.ts';
import { Account } from './account.ts';
import type { Log } from '../subgraphs/shared/log.ts';
import type { Tracing } from '../subgraphs/shared/telemetry.ts';
import type { AnswerPolicy } from './caching/answer-policy.ts';
import { newTraceparent } from './trace-ids.ts';
import type { Forwarded } from './subgraph-client/rules.ts';

/** What one client operation carries to everything done for it. */
export interface Scope {
  /** Undefined only when the gateway runs without authentication. */
  readonly identity: Identity | undefined;
  readonly requestId: string;
  readonly traceparent: string;
  /** Headers of the client that some subgraph gets. */
  readonly forwarded: Forwarded | undefined;
  /** What the client says about answers that are kept. */
  readonly cacheControl?: string | undefined;
  /** Takes note of how long the answer may be kept, where somebody wants to know. */
  readonly policy?: AnswerPolicy;
  /** Aborts when the answer is no longer wanted. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch; no subgraph call outlives it. */
  readonly deadlineAt: number;
  /** What it takes. */
  readonly account: Account;
  readonly log: Log;
}

/** The part of a scope that is known before the operation is. */
export interface Caller {
  readonly identity: Identity | undefined;
  readonly requestId: string;
  readonly traceparent: string;
  readonly forwarded: Forwarded | undefined;
  readonly cacheControl?: string | undefined;
  readonly log: Log;
}

/**
 * Takes over the client's request id and trace when they are well formed, so
 * that one id finds the request in every log, and makes new ones otherwise.
 */
export function callerOf(
  headers: {
    readonly requestId?: string | undefined;
    readonly traceparent?: string | undefined;
    readonly forwarded?: Forwarded | undefined;
    readonly cacheControl?: string | undefined;
  },
  identity: Identity | undefined,
  { log, tracing }: { readonly log: Log; readonly tracing: Pick<Tracing, 'samples'> },
): Caller {
  const requestId =
    headers.requestId !== undefined && requestIdPattern.test(headers.requestId)
      ? headers.requestId
      : randomUUID();
  const traceparent =
    headers.traceparent !== undefined && traceparentPattern.test(headers.traceparent)
      ? headers.traceparent
      : newTraceparent(tracing.samples());
  const { forwarded, cacheControl } = headers;
  return { identity, requestId, traceparent, forwarded, cacheControl, log };
}

const requestIdPattern = /^[\w.:-]{8,128}$/;
const traceparentPattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Gives one operation its time: nothing done for it goes on after `withinMs`. */
export function scopeOf(caller: Caller, signal: AbortSignal, withinMs: number): Scope {
  return { ...caller, signal, deadlineAt: Date.now() + withinMs, account: new Account() };
}
