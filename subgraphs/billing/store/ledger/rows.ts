import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../../shared/db.ts';
import type { LedgerAccountCode } from '../../domain/ledger/chart.ts';

/** One row of an account's balance. An account that is hot has several. */
@Entity({ name: 'ledger_account' })
export class LedgerAccountRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) code!: LedgerAccountCode;
  @PrimaryColumn({ type: 'text' }) currency!: string;
  @PrimaryColumn({ type: 'smallint' }) shard!: number;
  @Column({ type: 'bigint', name: 'balance_minor', transformer: minorUnits }) balanceMinor!: number;
  @Column({ type: 'bigint', name: 'pending_minor', transformer: minorUnits }) pendingMinor!: number;
  @Column({ type: 'bigint', name: 'last_sequence', transformer: minorUnits }) lastSequence!: number;
}

@Entity({ name: 'ledger_transaction' })
export class LedgerTransactionRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) kind!: string;
  @Column({ type: 'text' }) source!: string;
  @Column({ type: 'text', nullable: true }) subject!: string | null;
  @Column({ type: 'text', nullable: true }) reverses!: string | null;
  @Column({ type: 'timestamptz', name: 'effective_at' }) effectiveAt!: Date;
  @Column({ type: 'timestamptz', name: 'recorded_at' }) recordedAt!: Date;
}

@Entity({ name: 'ledger_entry' })
export class LedgerEntryRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) account!: LedgerAccountCode;
  @PrimaryColumn({ type: 'text' }) currency!: string;
  @PrimaryColumn({ type: 'smallint' }) shard!: number;
  @PrimaryColumn({ type: 'bigint', transformer: minorUnits }) sequence!: number;
  @Column({ type: 'text', name: 'transaction_id' }) transactionId!: string;
  @Column({ type: 'boolean' }) pending!: boolean;
  @Column({ type: 'bigint', name: 'amount_minor', transformer: minorUnits }) amountMinor!: number;
  @Column({ type: 'bigint', name: 'balance_after_minor', transformer: minorUnits })
  balanceAfterMinor!: number;
  @Column({ type: 'bigint', name: 'pending_after_minor', transformer: minorUnits })
  pendingAfterMinor!: number;
  @Column({ type: 'timestamptz', name: 'recorded_at' }) recordedAt!: Date;
}
