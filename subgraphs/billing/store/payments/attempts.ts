import { In } from 'typeorm';
import type { Tx } from '../../../shared/db.ts';
import { newId } from '../../../shared/ids.ts';
import { attemptStatusOf } from '../../domain/payments/operation.ts';
import type { OperationRow, PaymentRow } from './rows.ts';
import { PaymentAttemptRow } from './rows.ts';

/** Writes down that a payment is tried once more. The caller holds the payment's row. */
export async function openAttempt(
  tx: Tx,
  payment: PaymentRow,
  operation: OperationRow,
  at: Date,
): Promise<void> {
  const sequence = 1 + (await tx.countBy(PaymentAttemptRow, { paymentId: payment.id }));
  await tx.insert(PaymentAttemptRow, {
    id: newId('attempt'),
    tenantId: tx.tenant,
    paymentId: payment.id,
    operationId: operation.id,
    sequence,
    provider: payment.provider,
    status: 'STARTED',
    failure: null,
    providerReference: null,
    startedAt: at,
    finishedAt: null,
  });
}

/**
 * Brings the latest attempt up to what is known of its payment; earlier ones are
 * over. The caller holds the payment's row.
 */
export async function refreshAttempt(tx: Tx, payment: PaymentRow, at: Date): Promise<void> {
  const [attempt] = await tx.find(PaymentAttemptRow, {
    where: { paymentId: payment.id },
    order: { sequence: 'DESC' },
    take: 1,
  });
  if (!attempt || attempt.status === 'SUCCEEDED') return;
  const operation = await tx.query<Pick<OperationRow, 'state' | 'failure'>[]>(
    'select state, failure from payment_operation where id = $1',
    [attempt.operationId],
  );
  const [asked] = operation;
  if (!asked) return;
  const status = payment.status === 'CONFLICTED' ? 'FAILED' : attemptStatusOf(payment.facts, asked);
  const failure = asked.failure ?? payment.facts.latest?.failure ?? null;
  const isOver = status === 'SUCCEEDED' || status === 'FAILED';
  await tx.update(
    PaymentAttemptRow,
    { id: attempt.id },
    {
      status,
      failure: status === 'FAILED' ? failure : null,
      providerReference: payment.chargeReference ?? attempt.providerReference,
      finishedAt: isOver ? (attempt.finishedAt ?? at) : null,
    },
  );
}

export async function attemptsOf(
  tx: Tx,
  paymentIds: readonly string[],
): Promise<PaymentAttemptRow[]> {
  return tx.find(PaymentAttemptRow, {
    where: { paymentId: In([...paymentIds]) },
    order: { sequence: 'ASC' },
    take: 1_000,
  });
}
