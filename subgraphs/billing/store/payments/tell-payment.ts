import type { Tx } from '../../../shared/db.ts';
import { appendEvents } from '../../../shared/events.ts';
import type { JsonValue } from '../../../shared/json.ts';
import type { PaymentStatus } from '../../domain/payments/payment-status.ts';
import type { PaymentRow } from './rows.ts';

export function paymentStream(id: string): string {
  return `payment:${id}`;
}

/** A payment as it was at one of its versions. */
export type PaymentVersion = Omit<PaymentRow, 'facts' | 'createdAt' | 'updatedAt'> & {
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly nextAction: JsonValue | null;
};

export interface PaymentChanged {
  readonly previousStatus: PaymentStatus | null;
  readonly payment: PaymentVersion;
}

/**
 * Adds a payment as it is now to its log. The version is the fact's sequence, so
 * that whoever reads the log sees every version once, in order.
 */
export async function tellPayment(
  tx: Tx,
  payment: PaymentRow,
  previousStatus: PaymentStatus | null,
): Promise<void> {
  const { facts, createdAt, updatedAt, ...rest } = payment;
  const payload = {
    previousStatus,
    payment: {
      ...rest,
      createdAt: createdAt.toISOString(),
      updatedAt: updatedAt.toISOString(),
      nextAction: facts.latest?.nextAction ?? null,
    },
  };
  const seq = await appendEvents(tx, paymentStream(payment.id), [
    { type: 'payment.changed', payload: payload },
  ]);
  if (seq !== payment.version) {
    throw new Error(`Payment ${payment.id} is at version ${payment.version}, its log at ${seq}.`);
  }
}
