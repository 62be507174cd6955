import { In } from 'typeorm';
import type { Tx } from '../../../shared/db.ts';
import { newId } from '../../../shared/ids.ts';
import type { DisputeSnapshot, DisputeStatus } from '../../domain/payments/dispute-state.ts';
import {
  applyDispute,
  mayMoveDispute,
  withdrawnMinor,
} from '../../domain/payments/dispute-state.ts';
import { auditPayment } from './audit-payment.ts';
import { postDispute } from './post-dispute.ts';
import type { PaymentRow } from './rows.ts';
import { DisputeRow } from './rows.ts';
import type { Cause } from './write-payment.ts';
import { writePayment } from './write-payment.ts';

/**
 * Takes in what a provider said of a dispute, in any order, twice and late; its
 * payment, ledger and audit entry follow. The caller holds the payment's row.
 */
export async function absorbDispute(
  tx: Tx,
  payment: PaymentRow,
  told: DisputeSnapshot,
  { by, at }: Cause,
): Promise<DisputeRow> {
  const known = await tx.findOne(DisputeRow, {
    where: { paymentId: payment.id, providerReference: told.reference },
  });
  const facts = applyDispute(known?.facts, told);
  const from = known?.status;
  const status = from === undefined || mayMoveDispute(from, facts.status) ? facts.status : from;
  const feeMinor = facts.movements.reduce((sum, movement) => sum + movement.feeMinor, 0);
  const dispute = tx.create(DisputeRow, {
    id: known?.id ?? newId('dispute'),
    tenantId: tx.tenant,
    paymentId: payment.id,
    providerReference: told.reference,
    status,
    amountMinor: known?.amountMinor ?? told.amountMinor,
    currency: told.currency,
    reason: told.reason,
    evidenceDueBy:
      told.evidenceDueMs === null ? (known?.evidenceDueBy ?? null) : new Date(told.evidenceDueMs),
    facts,
    withdrawnMinor: withdrawnMinor(facts),
    feeMinor,
    createdAt: known?.createdAt ?? at,
    updatedAt: at,
  });
  await tx.save(DisputeRow, dispute);
  await postDispute(tx, dispute, { by, at });
  if (status !== from) {
    await auditPayment(
      tx,
      payment,
      `dispute.${status.toLowerCase().replaceAll('_', '-')}`,
      by,
      at,
      {
        outcome: status === 'LOST' ? 'failure' : 'success',
        facts: { disputeId: dispute.id, disputedMinor: dispute.withdrawnMinor },
      },
    );
  }
  await writePayment(tx, payment, payment.facts, { by, at });
  return dispute;
}

export function findDispute(tx: Tx, id: string): Promise<DisputeRow | null> {
  return tx.findOne(DisputeRow, { where: { id } });
}

export function disputesOf(tx: Tx, paymentIds: readonly string[]): Promise<DisputeRow[]> {
  return tx.find(DisputeRow, {
    where: { paymentId: In([...paymentIds]) },
    order: { id: 'ASC' },
    take: 1_000,
  });
}

export interface DisputePage {
  readonly statuses?: readonly DisputeStatus[] | undefined;
  readonly limit: number;
  readonly beforeId: string | undefined;
}

/** One page of the tenant's disputes, the newest first. */
export function listDisputes(
  tx: Tx,
  { statuses, limit, beforeId }: DisputePage,
): Promise<DisputeRow[]> {
  const query = tx
    .createQueryBuilder(DisputeRow, 'dispute')
    .where('dispute.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('dispute.id', 'DESC')
    .limit(limit);
  if (statuses) query.andWhere('dispute.status = any(:statuses)', { statuses });
  if (beforeId !== undefined) query.andWhere('dispute.id < :before', { before: beforeId });
  return query.getMany();
}
