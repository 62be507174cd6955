import { createHash } from 'node:crypto';
import type { Scope } from '../scope.ts';

/** Everything that an answer depends on, besides what subgraphs know at the moment. */
export interface AnswerOf {
  /** The same for the same supergraph. */
  readonly graph: string;
  /** The hash of the client's text. */
  readonly text: string;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  /** What is planned and run for it, by its hash. */
  readonly hardened: string;
  /** What of it the caller may read. */
  readonly verdict: string;
}

/**
 * Two requests with one key have one answer, unless it is for its own reader
 * only. The tenant is beside the key; subgraphs may look at scopes and at
 * headers of the client that they get, so both are in it.
 */
export function sharedKey(answer: AnswerOf, { identity, forwarded }: Scope): string {
  const { graph, text, operationName = null, variables, hardened, verdict } = answer;
  const scopes = identity ? [...identity.scopes].sort() : null;
  const parts = [graph, text, operationName, hardened, verdict, scopes, forwarded, variables];
  return createHash('sha256').update(canonical(parts)).digest('base64url');
}

/** The key of an answer that is for its own reader only. */
export function ownKey(shared: string, { identity }: Pick<Scope, 'identity'>): string {
  return identity ? JSON.stringify([shared, identity.actor.type, identity.actor.id]) : shared;
}

/** JSON that is the same for the same values, in whatever order their members came. */
export function canonical(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as unknown[]).map(canonical).join(',')}]`;
  const members = Object.entries(value)
    .map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`)
    .sort();
  return `{${members.join(',')}}`;
}
