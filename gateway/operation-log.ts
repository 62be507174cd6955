import type { GraphQLFormattedError } from 'graphql';
import type { Identity } from '../subgraphs/shared/auth.ts';
import type { PreparedOperation } from './operations/operation.ts';
import type { Caller, Scope } from './scope.ts';
import type { ReaderTally } from './subscriptions/reader.ts';

/** What is known of an operation when it is answered. */
export interface AnsweredOperation {
  readonly kind: string;
  readonly name: string | undefined;
  /** SHA-256 of the text, in hex: the same operation has the same, whoever sends it. */
  readonly hash: string | undefined;
  readonly client: string | undefined;
  readonly errors: readonly GraphQLFormattedError[] | undefined;
}

/**
 * Logs an operation in one line that has all there is to ask of it afterwards:
 * who, what, how long, whom it asked, what it cost, and how it ended. No text
 * and no variables: those may hold what is nobody's business.
 */
export function logOperation(
  { kind, name, hash, client, errors }: AnsweredOperation,
  { log, identity, requestId, account }: Scope,
): void {
  if (!log.isLevelEnabled('info')) return;
  const { startedMs, preparedMs, cost, from } = account;
  log.info(
    {
      requestId,
      ...{ kind, name, hash, client },
      ...whoOf(identity),
      ms: rounded(performance.now() - startedMs),
      preparedMs: rounded(preparedMs),
      ...account.calls,
      estimatedCost: cost?.estimated,
      actualCost: cost?.actual,
      from,
      ...outcomeOf(errors),
    },
    'operation',
  );
}

/** A subscription, and when it began. */
export interface LoggedSubscription {
  readonly operation: Pick<PreparedOperation, 'name' | 'hash'>;
  readonly caller: Caller;
  /** By `performance.now()`. */
  readonly startedMs: number;
}

/** Logs a subscription in one line when it is over: how long, how much, and how it ended. */
export function logSubscription(
  { operation: { name, hash }, caller, startedMs }: LoggedSubscription,
  { delivered, lost, errors }: ReaderTally,
): void {
  const { log, requestId, identity } = caller;
  if (!log.isLevelEnabled('info')) return;
  log.info(
    {
      requestId,
      ...{ kind: 'subscription', name, hash },
      ...whoOf(identity),
      ms: rounded(performance.now() - startedMs),
      ...{ delivered, lost },
      ...outcomeOf(errors),
    },
    'operation',
  );
}

function whoOf(identity: Identity | undefined) {
  return {
    tenant: identity?.tenant,
    actor: identity && `${identity.actor.type}:${identity.actor.id}`,
  };
}

function outcomeOf(errors: readonly GraphQLFormattedError[] | undefined) {
  return { outcome: errors ? 'errors' : 'ok', codes: errors && codesOf(errors) };
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

const codesMax = 10;

function codesOf(errors: readonly GraphQLFormattedError[]): string[] {
  const codes = new Set(errors.map(({ extensions }) => String(extensions?.['code'])));
  return [...codes].slice(0, codesMax);
}
