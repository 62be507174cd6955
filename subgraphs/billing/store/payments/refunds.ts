import { In } from 'typeorm';
import type { Actor } from '../../../shared/auth.ts';
import type { Tx } from '../../../shared/db.ts';
import { notFound } from '../../../shared/errors.ts';
import { newId } from '../../../shared/ids.ts';
import type { RefundSnapshot, RefundStatus } from '../../domain/payments/refund-state.ts';
import { laterRefund } from '../../domain/payments/refund-state.ts';
import { auditPayment } from './audit-payment.ts';
import { postRefund } from './post-refund.ts';
import type { PaymentRow } from './rows.ts';
import { RefundRow } from './rows.ts';
import type { Cause } from './write-payment.ts';
import { writePayment } from './write-payment.ts';

export interface NewRefund {
  readonly amountMinor: number;
  readonly reason: string | null;
  readonly approval: RefundRow['approval'];
  readonly by: Actor;
  readonly at: Date;
  /** What the provider knows of it already, for one that was made there. */
  readonly known?: RefundSnapshot;
}

/** Writes down a refund and reserves its amount. The caller holds the payment's row. */
export async function insertRefund(
  tx: Tx,
  payment: PaymentRow,
  { amountMinor, reason, approval, by, at, known }: NewRefund,
): Promise<RefundRow> {
  const refund = tx.create(RefundRow, {
    id: newId('refund'),
    tenantId: tx.tenant,
    paymentId: payment.id,
    providerReference: known?.reference ?? null,
    status: 'REQUESTED',
    ...{ amountMinor, reason, approval },
    currency: payment.currency,
    ...{ failureReason: null, decidedBy: null, decidedAt: null, settlementReference: null },
    createdByType: by.type,
    createdById: by.id,
    createdAt: at,
    updatedAt: at,
  });
  await tx.insert(RefundRow, refund);
  await auditPayment(tx, payment, 'refund.requested', by, at, {
    facts: { refundId: refund.id, refundMinor: amountMinor, approval },
  });
  if (known) await absorbRefund(tx, payment, refund, known, { by, at });
  else await writePayment(tx, payment, payment.facts, { by, at });
  return refund;
}

/**
 * Takes in what a provider said of a refund; its payment, ledger and audit entry
 * follow in the same transaction. The caller holds the payment's row.
 */
export async function absorbRefund(
  tx: Tx,
  payment: PaymentRow,
  refund: RefundRow,
  told: RefundSnapshot,
  cause: Cause,
): Promise<void> {
  const changes = {
    providerReference: refund.providerReference ?? told.reference,
    failureReason: told.failureReason ?? refund.failureReason,
    settlementReference: told.settlementReference ?? refund.settlementReference,
  };
  Object.assign(refund, changes);
  await moveRefund(
    tx,
    payment,
    refund,
    laterRefund<RefundStatus>(refund.status, told.status),
    cause,
  );
}

/** Brings a refund to a status that its machine allows, and its payment with it. */
export async function moveRefund(
  tx: Tx,
  payment: PaymentRow,
  refund: RefundRow,
  status: RefundStatus,
  { by, at }: Cause,
): Promise<void> {
  const from = refund.status;
  Object.assign(refund, { status, updatedAt: from === status ? refund.updatedAt : at });
  await postRefund(tx, refund, from, { by, at });
  const { id, tenantId: _tenant, ...changes } = refund;
  await tx.update(RefundRow, { id }, changes);
  if (from !== status) {
    const action = `refund.${status.toLowerCase().replaceAll('_', '-')}`;
    await auditPayment(tx, payment, action, by, at, {
      outcome: status === 'FAILED' ? 'failure' : 'success',
      facts: { refundId: id, refundMinor: refund.amountMinor, previousStatus: from },
    });
  }
  await writePayment(tx, payment, payment.facts, { by, at });
}

/** Notes who agreed to a refund that needed it, or did not. */
export async function noteDecision(
  tx: Tx,
  refund: RefundRow,
  approval: 'APPROVED' | 'REJECTED',
  decidedBy: string,
  decidedAt: Date,
): Promise<void> {
  Object.assign(refund, { approval, decidedBy, decidedAt });
  await tx.update(RefundRow, { id: refund.id }, { approval, decidedBy, decidedAt });
}

export function findRefund(tx: Tx, id: string): Promise<RefundRow | null> {
  return tx.findOne(RefundRow, { where: { id } });
}

/** Reads a refund that is to be changed. The caller holds its payment's row. */
export async function refundOf(tx: Tx, id: string): Promise<RefundRow> {
  const refund = await findRefund(tx, id);
  if (!refund) throw notFound('Refund');
  return refund;
}

export function findRefundAt(
  tx: Tx,
  paymentId: string,
  reference: string,
): Promise<RefundRow | null> {
  return tx.findOne(RefundRow, { where: { paymentId, providerReference: reference } });
}

export function refundsOf(tx: Tx, paymentIds: readonly string[]): Promise<RefundRow[]> {
  return tx.find(RefundRow, {
    where: { paymentId: In([...paymentIds]) },
    order: { id: 'ASC' },
    take: 1_000,
  });
}

export interface RefundPage {
  readonly statuses?: readonly RefundStatus[] | undefined;
  readonly paymentId?: string | undefined;
  readonly limit: number;
  readonly beforeId: string | undefined;
}

/** One page of the tenant's refunds, the newest first. */
export async function listRefunds(tx: Tx, page: RefundPage): Promise<RefundRow[]> {
  const query = tx
    .createQueryBuilder(RefundRow, 'refund')
    .where('refund.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('refund.id', 'DESC')
    .limit(page.limit);
  const { statuses, paymentId, beforeId } = page;
  if (statuses) query.andWhere('refund.status = any(:statuses)', { statuses });
  if (paymentId !== undefined) query.andWhere('refund.payment_id = :paymentId', { paymentId });
  if (beforeId !== undefined) query.andWhere('refund.id < :before', { before: beforeId });
  return query.getMany();
}
