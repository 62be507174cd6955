import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../shared/db.ts';
import type { Tx } from '../../shared/db.ts';
import type { AttemptRef } from './holds.ts';

@Entity({ name: 'usage_fact' })
export class UsageFactRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text', name: 'job_id' }) jobId!: string;
  @PrimaryColumn({ type: 'integer' }) attempt!: number;
  @Column({ type: 'integer', name: 'cpu_millicores' }) cpuMillicores!: number;
  @Column({ type: 'integer', name: 'memory_mib' }) memoryMib!: number;
  @Column({ type: 'bigint', name: 'wall_ms', transformer: minorUnits }) wallMs!: number;
  @Column({ type: 'bigint', name: 'cpu_ms', transformer: minorUnits }) cpuMs!: number;
  @Column({ type: 'bigint', name: 'memory_peak_bytes', transformer: minorUnits })
  memoryPeakBytes!: number;
  @Column({ type: 'timestamptz', name: 'started_at' }) startedAt!: Date;
  @Column({ type: 'timestamptz', name: 'finished_at' }) finishedAt!: Date;
  @Column({ type: 'timestamptz', name: 'recorded_at' }) recordedAt!: Date;
}

/** What one attempt used. */
export type UsageFact = Omit<UsageFactRow, 'tenantId' | 'recordedAt'>;

/** Records what an attempt used. A second fact for one attempt fails: it is counted once. */
export async function insertUsageFact(tx: Tx, fact: UsageFact, recordedAt: Date): Promise<void> {
  await tx.insert(UsageFactRow, { ...fact, tenantId: tx.tenant, recordedAt });
}

/** The fact on record for an attempt, if there is one. */
export async function findUsageFact(
  tx: Tx,
  { jobId, attempt }: AttemptRef,
): Promise<UsageFact | null> {
  return tx.findOneBy(UsageFactRow, { tenantId: tx.tenant, jobId, attempt });
}
