import type { Tx } from '../../../shared/db.ts';
import type { OperationState } from '../../domain/payments/operation.ts';
import { isAnswered, isInEffect } from '../../domain/payments/operation.ts';
import { apply } from '../../domain/payments/payment-state.ts';
import type { ProviderFailure } from '../../domain/payments/provider-error.ts';
import { laterRefund } from '../../domain/payments/refund-state.ts';
import type { RefundStatus } from '../../domain/payments/refund-state.ts';
import { auditPayment } from '../../store/payments/audit-payment.ts';
import { absorbDispute } from '../../store/payments/disputes.ts';
import { answerOperation, findOperation, lockOperation } from '../../store/payments/operations.ts';
import { lockPayment } from '../../store/payments/payments.ts';
import { findProviderAccount, revokeAccount } from '../../store/payments/provider-accounts.ts';
import { absorbRefund, moveRefund, refundOf } from '../../store/payments/refunds.ts';
import type { OperationRow, PaymentRow } from '../../store/payments/rows.ts';
import { writePayment } from '../../store/payments/write-payment.ts';
import { billingActor } from '../../store/actor.ts';
import type { Told } from './call-provider.ts';

/**
 * Writes what a provider replied: on the operation, and on what it is about.
 * One that somebody else has an answer to takes in the facts and stays answered.
 */
export async function recordAnswer(
  tx: Tx,
  operationId: string,
  told: Exclude<Told, { kind: 'answered' }>,
  at: Date,
): Promise<OperationState> {
  const known = await findOperation(tx, operationId);
  const payment = await lockPayment(tx, known?.paymentId ?? '');
  const operation = await lockOperation(tx, operationId);
  await conclude(tx, operation, payment, told, at);
  await takeIn(tx, operation, payment, told, at);
  return operation.state;
}

/** Settles what the operation's answer is, before its payment is written by it. */
async function conclude(
  tx: Tx,
  operation: OperationRow,
  payment: PaymentRow,
  told: Exclude<Told, { kind: 'answered' }>,
  at: Date,
): Promise<void> {
  if (isAnswered(operation.state)) return;
  if (told.kind === 'unknown') {
    await answerOperation(tx, operation, 'UNKNOWN', told.failure, at);
    return;
  }
  if (told.kind === 'refused') {
    const { failure, snapshot } = told;
    const facts = snapshot ? apply(payment.facts, snapshot) : payment.facts;
    // What is refused because it is there already, is there.
    const isThere = snapshot !== undefined && isInEffect(operation.kind, askedOf(operation), facts);
    const mayBe = operation.calls > 1 || failure.category === 'INVALID_STATE';
    if (isThere && mayBe && operation.kind !== 'CREATE') {
      await answerOperation(tx, operation, 'DONE', null, at);
      return;
    }
    const isOurFault = failure.category === 'IDEMPOTENCY_CONFLICT';
    await answerOperation(tx, operation, isOurFault ? 'FROZEN' : 'REFUSED', failure, at);
    await onRefusal(tx, operation, payment, failure, at);
    return;
  }
  const isLook =
    told.kind === 'payment' && operation.state === 'UNKNOWN' && !isDoneBy(operation, payment, told);
  if (!isLook) await answerOperation(tx, operation, 'DONE', null, at);
}

/** Whether a payment that was looked at shows that the operation was done. */
function isDoneBy(
  operation: OperationRow,
  payment: PaymentRow,
  told: Extract<Told, { kind: 'payment' }>,
): boolean {
  return isInEffect(operation.kind, askedOf(operation), apply(payment.facts, told.snapshot));
}

function askedOf({ input }: OperationRow) {
  return {
    amountMinor: input.amountMinor ?? null,
    before: { capturedMinor: input.capturedBeforeMinor ?? 0 },
  };
}

async function takeIn(
  tx: Tx,
  operation: OperationRow,
  payment: PaymentRow,
  told: Exclude<Told, { kind: 'answered' }>,
  at: Date,
): Promise<void> {
  const cause = { by: billingActor, at };
  const snapshot = told.kind === 'payment' || told.kind === 'refused' ? told.snapshot : undefined;
  const refund = operation.refundId === null ? null : await refundOf(tx, operation.refundId);
  if (told.kind === 'refund' && refund) {
    await absorbRefund(tx, payment, refund, told.snapshot, cause);
  } else if (told.kind === 'dispute') {
    await absorbDispute(tx, payment, told.snapshot, cause);
  } else if (refund && operation.kind === 'REFUND') {
    const wanted: RefundStatus = operation.state === 'UNKNOWN' ? 'OUTCOME_UNKNOWN' : 'FAILED';
    // What a webhook told already stands: this no is about a repetition.
    const status =
      refund.providerReference === null ? laterRefund(refund.status, wanted) : refund.status;
    if (status === 'FAILED') refund.failureReason ??= operation.failure?.category ?? null;
    await moveRefund(tx, payment, refund, status, cause);
  } else {
    const isNever = operation.kind === 'CREATE' && operation.state === 'REFUSED' && !snapshot;
    if (isNever && !payment.facts.reference) payment.isRefused = true;
    await writePayment(
      tx,
      payment,
      snapshot ? apply(payment.facts, snapshot) : payment.facts,
      cause,
    );
  }
}

async function onRefusal(
  tx: Tx,
  operation: OperationRow,
  payment: PaymentRow,
  failure: ProviderFailure,
  at: Date,
): Promise<void> {
  const { category, code, declineCode } = failure;
  await auditPayment(tx, payment, 'provider.refused', billingActor, at, {
    outcome: 'refused',
    facts: { operation: operation.kind, category, code, declineCode },
  });
  if (category !== 'ACCOUNT_REVOKED') return;
  const account = await findProviderAccount(tx, operation.accountId);
  // The platform's own account is not revoked by anybody: its key is wrong.
  if (account?.externalId) await revokeAccount(tx, account.id, at);
}
