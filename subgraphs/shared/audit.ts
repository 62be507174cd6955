import type { Actor } from './auth.ts';
import type { Tx } from './db.ts';
import { newId } from './ids.ts';
import type { JsonValue } from './json.ts';
import { publishAll } from './outbox.ts';
import { auditRecorded } from './topics.ts';

export interface AuditEntryDraft {
  readonly actor: Actor;
  /** What was done, as in `job.submitted`. */
  readonly action: string;
  readonly target: { readonly type: string; readonly id: string };
  readonly outcome: 'success' | 'refused' | 'failure';
  readonly facts?: Readonly<Record<string, JsonValue>>;
  readonly at: Date;
}

/**
 * Leaves an entry in the tenant's audit log, in the transaction of the change
 * itself: there is an entry for every change that happened and for no other.
 */
export function audit(tx: Tx, entry: AuditEntryDraft): Promise<void> {
  return auditAll(tx, [entry]);
}

/** Leaves many entries at once, in their order. */
export async function auditAll(tx: Tx, entries: readonly AuditEntryDraft[]): Promise<void> {
  const messages = entries.map(({ at, ...entry }) => ({
    key: entry.target.id,
    payload: { entryId: newId('aud'), at: at.toISOString(), ...entry },
  }));
  await publishAll(tx, auditRecorded, messages);
}
