import type { Actor } from '../../../shared/auth.ts';
import type { Tx } from '../../../shared/db.ts';
import { isInEffect } from '../../domain/payments/operation.ts';
import type { PaymentSnapshot, PaymentState } from '../../domain/payments/payment-state.ts';
import { apply, statusOf } from '../../domain/payments/payment-state.ts';
import type { PaymentStatus } from '../../domain/payments/payment-status.ts';
import { mayMove } from '../../domain/payments/payment-status.ts';
import { refreshAttempt } from './attempts.ts';
import { auditPayment } from './audit-payment.ts';
import { answerOperation, openOperations } from './operations.ts';
import { lockPayment } from './payments.ts';
import { postPayment } from './post-payment.ts';
import { PaymentRow } from './rows.ts';
import { tellPayment } from './tell-payment.ts';

export interface Cause {
  readonly by: Actor;
  readonly at: Date;
}

/**
 * Takes in what a provider said of a payment, whoever brings it: a reply, a
 * webhook, a look at the provider. Facts may come in any order, twice and late.
 *
 * Throws NOT_FOUND for a missing and for a foreign payment.
 */
export async function absorbPayment(
  tx: Tx,
  paymentId: string,
  fact: PaymentSnapshot,
  cause: Cause,
): Promise<PaymentRow> {
  const payment = await lockPayment(tx, paymentId);
  return writePayment(tx, payment, apply(payment.facts, fact), cause);
}

/**
 * Writes a payment as it follows from what is known: from the provider, and from
 * our own refunds, disputes and operations. The caller holds its row.
 *
 * This is the only place that changes a payment. Status, amounts, attempt,
 * version, event, ledger and audit entry commit together; what changes nothing
 * visible writes no version.
 */
export async function writePayment(
  tx: Tx,
  payment: PaymentRow,
  facts: PaymentState,
  cause: Cause,
): Promise<PaymentRow> {
  await concludeInEffect(tx, payment, facts, cause.at);
  const before: Before = Object.assign({} as Before, payment);
  const wanted = statusOf(facts, {
    unknownOutcome: (await openOperations(tx, payment.id)).some(({ state }) => state === 'UNKNOWN'),
    refused: payment.isRefused,
  });
  const stays = wanted !== payment.status && !mayMove(payment.status, wanted);
  const status = stays ? payment.status : wanted;
  // What contradicts money that is in the books changes nothing of it: a person looks into it.
  const amounts = stays || status === 'CONFLICTED' ? {} : amountsOf(facts);
  Object.assign(payment, {
    facts,
    status,
    statusReason: reasonOf(facts, status),
    providerReference: payment.providerReference ?? facts.reference ?? null,
    chargeReference: facts.chargeReference ?? null,
    ...amounts,
    ...(await returnedOf(tx, payment.id)),
  });
  await openBreaks(tx, payment, cause.at);
  await refreshAttempt(tx, payment, cause.at);
  const { postedMinor, settledMinor, feeMinor } = await postPayment(tx, payment, cause);
  Object.assign(payment, { postedMinor, settledMinor, feeMinor });
  if (isSame(before, payment)) {
    if (!isSameFacts(before, payment)) await tx.update(PaymentRow, { id: payment.id }, { facts });
    return payment;
  }
  Object.assign(payment, { version: before.version + 1, updatedAt: cause.at });
  const { id, tenantId: _tenant, ...changes } = payment;
  await tx.update(PaymentRow, { id }, changes);
  await tellPayment(tx, payment, before.status);
  await auditChange(tx, before, payment, cause);
  return payment;
}

/** What was asked for has an answer when it can be seen to have happened, whoever saw it. */
async function concludeInEffect(tx: Tx, payment: PaymentRow, facts: PaymentState, at: Date) {
  for (const operation of await openOperations(tx, payment.id)) {
    if (operation.state !== 'UNKNOWN') continue;
    const { amountMinor, capturedBeforeMinor } = operation.input;
    const asked = {
      amountMinor: amountMinor ?? null,
      before: { capturedMinor: capturedBeforeMinor ?? 0 },
    };
    if (isInEffect(operation.kind, asked, facts)) {
      await answerOperation(tx, operation, 'DONE', null, at);
    }
  }
}

function amountsOf(facts: PaymentState): Partial<PaymentRow> {
  return {
    capturedMinor: facts.capturedMinor,
    capturableMinor: facts.ends.length > 0 ? 0 : (facts.latest?.capturableMinor ?? 0),
  };
}

function reasonOf(facts: PaymentState, status: PaymentStatus): string | null {
  if (facts.conflicts.length > 0) return facts.conflicts.join(', ').slice(0, 500);
  if (status === 'UNRECOGNIZED') return facts.latest?.word ?? null;
  const failure = facts.latest?.failure;
  return status === 'REQUIRES_PAYMENT_METHOD' && failure ? failure.category : null;
}

/** What went back to payers, by refunds and by disputes. */
async function returnedOf(
  tx: Tx,
  paymentId: string,
): Promise<Pick<PaymentRow, 'refundedMinor' | 'refundReservedMinor' | 'disputedMinor'>> {
  const [row]: { refunded: string; reserved: string; disputed: string }[] = await tx.query(
    `select
       (select coalesce(sum(amount_minor) filter (where status = 'SUCCEEDED'), 0)
        from refund where tenant_id = $1 and payment_id = $2) as refunded,
       (select coalesce(sum(amount_minor) filter (where status not in ('CANCELED', 'FAILED')), 0)
        from refund where tenant_id = $1 and payment_id = $2) as reserved,
       (select coalesce(sum(withdrawn_minor), 0)
        from dispute where tenant_id = $1 and payment_id = $2) as disputed`,
    [tx.tenant, paymentId],
  );
  return {
    refundedMinor: Number(row?.refunded ?? 0),
    refundReservedMinor: Number(row?.reserved ?? 0),
    disputedMinor: Number(row?.disputed ?? 0),
  };
}

async function openBreaks(tx: Tx, payment: PaymentRow, at: Date): Promise<void> {
  for (const details of payment.facts.conflicts) {
    await tx.query(
      `insert into payment_break (tenant_id, payment_id, kind, details, opened_at)
       values ($1, $2, $3, $4, $5) on conflict do nothing`,
      [tx.tenant, payment.id, details.split(' ')[0]?.toUpperCase(), details, at],
    );
  }
}

const shown = [
  'status',
  'statusReason',
  'providerReference',
  'chargeReference',
  'capturableMinor',
  'capturedMinor',
  'refundedMinor',
  'refundReservedMinor',
  'disputedMinor',
  'settledMinor',
  'feeMinor',
  'postedMinor',
] as const satisfies readonly (keyof PaymentRow)[];

/** A payment's members as they were. */
type Before = Omit<PaymentRow, never>;

function isSame(one: Before, another: Before): boolean {
  const action = (row: Before) => JSON.stringify(row.facts.latest?.nextAction);
  return shown.every((name) => one[name] === another[name]) && action(one) === action(another);
}

function isSameFacts(one: Before, another: Before): boolean {
  return JSON.stringify(one.facts) === JSON.stringify(another.facts);
}

async function auditChange(tx: Tx, before: Before, payment: PaymentRow, { by, at }: Cause) {
  if (payment.status !== before.status) {
    const action = `payment.${payment.status.toLowerCase().replaceAll('_', '-')}`;
    const isBad = payment.status === 'CONFLICTED' || payment.status === 'FAILED';
    await auditPayment(tx, payment, action, by, at, {
      outcome: isBad ? 'failure' : 'success',
      facts: { previousStatus: before.status, capturedMinor: payment.capturedMinor },
    });
  }
  if (payment.capturedMinor !== before.capturedMinor) {
    await auditPayment(tx, payment, 'payment.captured', by, at, {
      facts: { capturedMinor: payment.capturedMinor - before.capturedMinor },
    });
  }
}
