import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../shared/db.ts';
import type { Tx } from '../../shared/db.ts';
import { money } from '../../shared/money.ts';
import type { MoneyAmount } from '../../shared/money.ts';
import { accountCurrency } from '../domain/account.ts';
import type { AttemptRef } from './holds.ts';

@Entity({ name: 'charge' })
export class ChargeRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text', name: 'job_id' }) jobId!: string;
  @PrimaryColumn({ type: 'integer' }) attempt!: number;
  @Column({ type: 'bigint', name: 'amount_minor', transformer: minorUnits }) amountMinor!: number;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'integer', name: 'price_list_version' }) priceListVersion!: number;
  @Column({ type: 'timestamptz', name: 'settled_at' }) settledAt!: Date;
}

/** Records the charge for an attempt. A second one for the same attempt fails. */
export async function insertCharge(tx: Tx, charge: Omit<ChargeRow, 'tenantId'>): Promise<void> {
  await tx.insert(ChargeRow, { ...charge, tenantId: tx.tenant });
}

/** The charge for an attempt, if it was settled. */
export function findCharge(tx: Tx, { jobId, attempt }: AttemptRef): Promise<ChargeRow | null> {
  return tx.findOneBy(ChargeRow, { tenantId: tx.tenant, jobId, attempt });
}

/** What a tenant was charged in a span of time. */
export interface Spend {
  readonly total: MoneyAmount;
  readonly jobs: number;
  readonly attempts: number;
}

/**
 * Sums the charges settled in [from, to). The end is not counted, so spans
 * that touch neither overlap nor leave a gap.
 */
export async function sumCharges(tx: Tx, from: Date, to: Date): Promise<Spend> {
  const [row]: { total: string; jobs: string; attempts: string }[] = await tx.query(
    `select coalesce(sum(amount_minor), 0) as total, count(distinct job_id) as jobs,
       count(*) as attempts
     from charge where tenant_id = $1 and settled_at >= $2 and settled_at < $3`,
    [tx.tenant, from, to],
  );
  return {
    total: money(Number(row?.total ?? 0), accountCurrency),
    jobs: Number(row?.jobs ?? 0),
    attempts: Number(row?.attempts ?? 0),
  };
}
