import type { Identity } from '../../subgraphs/shared/auth.ts';
import { callerKey } from '../subscriptions/shares.ts';

/** Whether a token may take the place of another: the same actor of the same tenant has it. */
export function isSameCaller(one: Identity | undefined, other: Identity | undefined): boolean {
  if (!one || !other) return false;
  return callerKey(one) === callerKey(other);
}
