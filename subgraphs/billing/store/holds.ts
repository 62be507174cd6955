import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../shared/db.ts';
import type { Tx } from '../../shared/db.ts';
import type { HoldState } from '../domain/hold.ts';

@Entity({ name: 'credit_hold' })
export class HoldRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text', name: 'job_id' }) jobId!: string;
  @PrimaryColumn({ type: 'integer' }) attempt!: number;
  @Column({ type: 'text' }) state!: HoldState;
  /** What was answered when the hold was asked for. It is told again, and never changes. */
  @Column({ type: 'text' }) answer!: 'placed' | 'refused';
  @Column({ type: 'text', nullable: true }) reason!: string | null;
  @Column({ type: 'text', nullable: true }) message!: string | null;
  @Column({ type: 'bigint', name: 'amount_minor', transformer: minorUnits }) amountMinor!: number;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'integer', name: 'price_list_version', nullable: true })
  priceListVersion!: number | null;
  @Column({ type: 'timestamptz', name: 'opened_at' }) openedAt!: Date;
  @Column({ type: 'timestamptz', name: 'closed_at', nullable: true }) closedAt!: Date | null;
}

/** Which run of which job. */
export interface AttemptRef {
  readonly jobId: string;
  readonly attempt: number;
}

/** The hold of an attempt, if it was ever heard of. The caller holds the account's lock. */
export function findHold(tx: Tx, { jobId, attempt }: AttemptRef): Promise<HoldRow | null> {
  return tx.findOneBy(HoldRow, { tenantId: tx.tenant, jobId, attempt });
}

/** Records an attempt's hold. There is one per attempt: a second one fails. */
export async function insertHold(tx: Tx, hold: Omit<HoldRow, 'tenantId'>): Promise<HoldRow> {
  const row = tx.create(HoldRow, { ...hold, tenantId: tx.tenant });
  await tx.insert(HoldRow, row);
  return row;
}

/** Ends a hold: from here on it keeps nothing aside. */
export async function closeHold(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
  state: 'released' | 'settled',
  at: Date,
): Promise<void> {
  await tx.update(HoldRow, { tenantId: tx.tenant, jobId, attempt }, { state, closedAt: at });
}
