import { MoreThan } from 'typeorm';
import type { Tx } from '../../../shared/db.ts';
import { newId } from '../../../shared/ids.ts';
import type { Phase } from '../../domain/invoices/compose-lines.ts';
import type { BillingAnchor } from '../../domain/pricing/billing-period.ts';
import { periodAt, periodOf } from '../../domain/pricing/billing-period.ts';
import { SubscriptionPhaseRow, SubscriptionRow } from './rows.ts';
import type { PlanVersionRow } from './rows.ts';

export interface NewSubscription {
  readonly customer: string;
  readonly country: string | null;
  readonly timeZone: string;
  readonly startsAt: Date;
}

/** Subscribes a customer to a version of a plan, from a moment on. */
export async function insertSubscription(
  tx: Tx,
  version: PlanVersionRow,
  { customer, country, timeZone, startsAt }: NewSubscription,
): Promise<SubscriptionRow> {
  const { currency, interval, intervalCount } = version;
  const row = tx.create(SubscriptionRow, {
    ...{ id: newId('sub'), tenantId: tx.tenant, customer, country, currency, interval },
    ...{ intervalCount, timeZone, startedAt: startsAt, endsAt: null, nextPeriod: 0 },
  });
  row.nextBillAt = periodAt(anchorOf(row), 0).to;
  await tx.insert(SubscriptionRow, row);
  await insertPhase(tx, row.id, version, startsAt);
  return row;
}

/** Holds a subscription until the transaction ends. */
export async function lockSubscription(tx: Tx, id: string): Promise<SubscriptionRow | null> {
  return tx.findOne(SubscriptionRow, {
    where: { tenantId: tx.tenant, id },
    lock: { mode: 'pessimistic_write' },
  });
}

export async function findSubscription(tx: Tx, id: string): Promise<SubscriptionRow | null> {
  return tx.findOneBy(SubscriptionRow, { tenantId: tx.tenant, id });
}

/** Puts another version of a plan in force from a moment on, in the place of what was to come. */
export async function changePhase(
  tx: Tx,
  { id }: SubscriptionRow,
  version: PlanVersionRow,
  from: Date,
): Promise<void> {
  await tx.delete(SubscriptionPhaseRow, {
    tenantId: tx.tenant,
    subscriptionId: id,
    fromAt: MoreThan(new Date(from.getTime() - 1)),
  });
  await insertPhase(tx, id, version, from);
}

/** Ends a subscription at a moment, which is also when it is billed last. */
export async function endSubscription(tx: Tx, row: SubscriptionRow, endsAt: Date): Promise<void> {
  const next = row.nextBillAt && row.nextBillAt < endsAt ? row.nextBillAt : endsAt;
  const key = { tenantId: tx.tenant, id: row.id };
  await tx.update(SubscriptionRow, key, { endsAt, nextBillAt: next });
}

/** Says that a period has its invoice: the next one is billed when it is over. */
export async function advanceSubscription(tx: Tx, row: SubscriptionRow): Promise<void> {
  const nextPeriod = row.nextPeriod + 1;
  const { from, to } = periodAt(anchorOf(row), nextPeriod);
  const over = row.endsAt !== null && from >= row.endsAt;
  const nextBillAt = over ? null : row.endsAt && row.endsAt < to ? row.endsAt : to;
  await tx.update(SubscriptionRow, { tenantId: tx.tenant, id: row.id }, { nextPeriod, nextBillAt });
}

/** The versions in force in a span of time, each with what it charges for. */
export async function phasesOf(
  tx: Tx,
  subscriptionId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<readonly Phase[]> {
  const rows: { from_at: Date; charges: Phase['charges'] }[] = await tx.query(
    `select p.from_at, v.charges from subscription_phase p
     join plan_version v using (tenant_id, plan_id, version)
     where p.tenant_id = $1 and p.subscription_id = $2 and p.from_at < $3 order by p.from_at`,
    [tx.tenant, subscriptionId, to],
  );
  return rows.flatMap(({ from_at: begins, charges }, index) => {
    const next = rows[index + 1]?.from_at ?? to;
    const phase = { from: begins > from ? begins : from, to: next < to ? next : to, charges };
    return phase.from < phase.to ? [phase] : [];
  });
}

export function anchorOf(row: SubscriptionRow): BillingAnchor {
  const { startedAt: start, interval, intervalCount: count, timeZone } = row;
  return { start, interval, count, timeZone };
}

/** The end of the period that a moment lies in. */
export function periodEnd(row: SubscriptionRow, moment: Date): Date {
  return periodOf(anchorOf(row), moment).to;
}

/** One page of the tenant's subscriptions, the newest first. */
export async function listSubscriptions(
  tx: Tx,
  { limit, beforeId }: { readonly limit: number; readonly beforeId: string | undefined },
): Promise<SubscriptionRow[]> {
  const query = tx
    .createQueryBuilder(SubscriptionRow, 'sub')
    .where('sub.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('sub.id', 'DESC')
    .limit(limit);
  if (beforeId !== undefined) query.andWhere('sub.id < :beforeId', { beforeId });
  return query.getMany();
}

async function insertPhase(
  tx: Tx,
  subscriptionId: string,
  { planId, version }: PlanVersionRow,
  fromAt: Date,
): Promise<void> {
  const { tenant: tenantId } = tx;
  await tx.insert(SubscriptionPhaseRow, { tenantId, subscriptionId, fromAt, planId, version });
}
