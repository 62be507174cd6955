import type { Identity } from '../../subgraphs/shared/auth.ts';
import type { PreparedOperation } from '../operations/operation.ts';
import type { Caller } from '../scope.ts';

/**
 * What two callers must have in common to read from one stream: everything that
 * an answer can depend on.
 *
 * The text is the client's own, since two texts may be asked of subgraphs in the
 * same words and still be answered in others. Subgraphs decide by tenant, actor
 * and scopes, and by the headers that are passed on to them: all of these are
 * here. A token's end is not, since it changes no answer.
 */
export function shareKey(
  { key }: Pick<PreparedOperation, 'key'>,
  variables: Readonly<Record<string, unknown>> | undefined,
  { identity, forwarded }: Pick<Caller, 'identity' | 'forwarded'>,
): string {
  return JSON.stringify([
    key,
    variables ?? null,
    identity ? callerKey(identity) : null,
    identity ? [...identity.scopes].sort() : null,
    forwarded ?? null,
  ]);
}

/** The same for the same actor of the same tenant only. */
export function callerKey({ tenant, actor }: Identity): string {
  return JSON.stringify([tenant, actor.type, actor.id]);
}

/** Whether one may do all that the other may. */
export function holdsAllOf(one: Identity, other: Identity): boolean {
  const held = new Set(one.scopes);
  return other.scopes.every((scope) => held.has(scope));
}
