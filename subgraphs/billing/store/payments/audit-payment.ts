import { audit } from '../../../shared/audit.ts';
import type { Actor } from '../../../shared/auth.ts';
import type { Tx } from '../../../shared/db.ts';
import type { JsonValue } from '../../../shared/json.ts';
import type { PaymentRow } from './rows.ts';

/** Leaves an audit entry about a payment, in the transaction of what was done. */
export async function auditPayment(
  tx: Tx,
  payment: Pick<PaymentRow, 'id' | 'amountMinor' | 'currency' | 'status'>,
  action: string,
  actor: Actor,
  at: Date,
  more: {
    readonly outcome?: 'success' | 'refused' | 'failure';
    readonly facts?: Readonly<Record<string, JsonValue>>;
  } = {},
): Promise<void> {
  const { id, amountMinor, currency, status } = payment;
  await audit(tx, {
    actor,
    action,
    target: { type: 'payment', id },
    outcome: more.outcome ?? 'success',
    facts: { amountMinor, currency, status, ...more.facts },
    at,
  });
}
