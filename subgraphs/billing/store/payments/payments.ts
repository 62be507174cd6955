import { In } from 'typeorm';
import type { Actor } from '../../../shared/auth.ts';
import type { AcrossTx, Tx } from '../../../shared/db.ts';
import { notFound } from '../../../shared/errors.ts';
import { newId } from '../../../shared/ids.ts';
import { nothingHeard } from '../../domain/payments/payment-state.ts';
import type { PaymentStatus } from '../../domain/payments/payment-status.ts';
import { auditPayment } from './audit-payment.ts';
import type { ProviderAccountRow, ProviderName } from './rows.ts';
import { PaymentRow } from './rows.ts';
import { tellPayment } from './tell-payment.ts';

export interface NewPayment {
  readonly account: ProviderAccountRow;
  readonly amountMinor: number;
  readonly currency: string;
  readonly captureMethod: PaymentRow['captureMethod'];
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly by: Actor;
  readonly at: Date;
}

/** Writes down a payment that is about to be made; its first event and audit entry commit with it. */
export async function insertPayment(tx: Tx, order: NewPayment): Promise<PaymentRow> {
  const { account, amountMinor, currency, captureMethod, description, metadata, by, at } = order;
  const payment = tx.create(PaymentRow, {
    id: newId('payment'),
    tenantId: tx.tenant,
    accountId: account.id,
    provider: account.provider,
    providerReference: null,
    chargeReference: null,
    status: 'CREATED',
    statusReason: null,
    ...{ amountMinor, currency, captureMethod, description, metadata },
    ...{ capturableMinor: 0, capturedMinor: 0, refundedMinor: 0, refundReservedMinor: 0 },
    ...{ disputedMinor: 0, settledMinor: 0, feeMinor: 0, postedMinor: 0 },
    facts: nothingHeard({ amountMinor, currency }),
    isRefused: false,
    version: 1,
    createdByType: by.type,
    createdById: by.id,
    createdAt: at,
    updatedAt: at,
  });
  await tx.insert(PaymentRow, payment);
  await tellPayment(tx, payment, null);
  await auditPayment(tx, payment, 'payment.created', by, at);
  return payment;
}

/** Holds the payment's row, so that nobody else changes it until the transaction ends. */
export async function lockPayment(tx: Tx, id: string): Promise<PaymentRow> {
  const payment = await tx.findOne(PaymentRow, {
    where: { id },
    lock: { mode: 'pessimistic_write' },
  });
  if (!payment) throw notFound('Payment');
  return payment;
}

export function findPayment(tx: Tx, id: string): Promise<PaymentRow | null> {
  return tx.findOne(PaymentRow, { where: { id } });
}

export function findPayments(tx: Tx, ids: readonly string[]): Promise<PaymentRow[]> {
  return tx.find(PaymentRow, { where: { id: In([...ids]) } });
}

/** The payment that a provider knows by a reference, among those of the tenant. */
export function findPaymentAt(
  tx: Tx,
  provider: ProviderName,
  reference: string,
): Promise<PaymentRow | null> {
  return tx.findOne(PaymentRow, { where: { provider, providerReference: reference } });
}

/** Whose payment a provider knows by a reference on the platform's own account. */
export async function ownerOfPayment(
  tx: AcrossTx,
  provider: ProviderName,
  reference: string,
): Promise<string | undefined> {
  const [row] = await tx.query<{ tenant_id: string }>(
    `select p.tenant_id from payment p join provider_account a on a.id = p.account_id
     where p.provider = $1 and p.provider_reference = $2 and a.external_id is null`,
    [provider, reference],
  );
  return row?.tenant_id;
}

export interface PaymentPage {
  readonly statuses?: readonly PaymentStatus[] | undefined;
  readonly createdAfter?: Date | undefined;
  readonly createdBefore?: Date | undefined;
  readonly currency?: string | undefined;
  readonly limit: number;
  readonly beforeId: string | undefined;
}

/** One page of the tenant's payments, the newest first. */
export async function listPayments(tx: Tx, page: PaymentPage): Promise<PaymentRow[]> {
  const query = tx
    .createQueryBuilder(PaymentRow, 'payment')
    .where('payment.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('payment.id', 'DESC')
    .limit(page.limit);
  const { statuses, createdAfter, createdBefore, currency, beforeId } = page;
  if (statuses) query.andWhere('payment.status = any(:statuses)', { statuses });
  if (createdAfter) query.andWhere('payment.created_at >= :createdAfter', { createdAfter });
  if (createdBefore) query.andWhere('payment.created_at < :createdBefore', { createdBefore });
  if (currency !== undefined) query.andWhere('payment.currency = :currency', { currency });
  if (beforeId !== undefined) query.andWhere('payment.id < :before', { before: beforeId });
  return query.getMany();
}
