import type { Actor } from './auth.ts';
import type { Tx } from './db.ts';
import { newId } from './ids.ts';
import type { JsonValue } from './json.ts';
import { publish } from './outbox.ts';
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
export async function audit(tx: Tx, { at, ...entry }: AuditEntryDraft): Promise<void> {
  await publish(tx, auditRecorded, {
    key: entry.target.id,
    payload: { entryId: newId('aud'), at: at.toISOString(), ...entry },
  });
}
