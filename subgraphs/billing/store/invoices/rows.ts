import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../../shared/db.ts';
import type { Line } from '../../domain/invoices/compose-lines.ts';
import type { InvoiceState } from '../../domain/invoices/invoice-state.ts';
import type { TaxRate } from '../../domain/invoices/tax.ts';

/** What an invoice says of one of its taxes. */
export interface TaxTotal {
  readonly name: string;
  readonly percent: string;
  readonly amountMinor: number;
}

@Entity({ name: 'invoice' })
export class InvoiceRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'subscription_id' }) subscriptionId!: string;
  @Column({ type: 'integer' }) period!: number;
  @Column({ type: 'timestamptz', name: 'period_from' }) periodFrom!: Date;
  @Column({ type: 'timestamptz', name: 'period_to' }) periodTo!: Date;
  @Column({ type: 'text' }) customer!: string;
  @Column({ type: 'text', nullable: true }) country!: string | null;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'text' }) state!: InvoiceState;
  @Column({ type: 'integer', nullable: true }) number!: number | null;
  @Column({ type: 'bigint', name: 'subtotal_minor', nullable: true, transformer: minorUnits })
  subtotalMinor!: number | null;
  @Column({ type: 'bigint', name: 'tax_minor', nullable: true, transformer: minorUnits })
  taxMinor!: number | null;
  @Column({ type: 'bigint', name: 'total_minor', nullable: true, transformer: minorUnits })
  totalMinor!: number | null;
  @Column({ type: 'jsonb', nullable: true }) taxes!: TaxTotal[] | null;
  /** The invoice as it was made final, byte for byte. */
  @Column({ type: 'text', nullable: true }) document!: string | null;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'finalize_after' }) finalizeAfter!: Date;
  @Column({ type: 'timestamptz', name: 'finalized_at', nullable: true }) finalizedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'closed_at', nullable: true }) closedAt!: Date | null;
}

@Entity({ name: 'invoice_line' })
export class InvoiceLineRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text', name: 'invoice_id' }) invoiceId!: string;
  @PrimaryColumn({ type: 'integer' }) position!: number;
  @Column({ type: 'text' }) kind!: Line['kind'];
  @Column({ type: 'text', name: 'charge_key' }) chargeKey!: string;
  @Column({ type: 'text' }) label!: string;
  @Column({ type: 'text', name: 'meter_id', nullable: true }) meterId!: string | null;
  @Column({ type: 'text', nullable: true }) quantity!: string | null;
  @Column({ type: 'timestamptz', name: 'from_at' }) from!: Date;
  @Column({ type: 'timestamptz', name: 'to_at' }) to!: Date;
  @Column({ type: 'bigint', name: 'amount_minor', transformer: minorUnits }) amountMinor!: number;
  @Column({ type: 'bigint', name: 'tax_minor', transformer: minorUnits }) taxMinor!: number;
}

@Entity({ name: 'tax_rate' })
export class TaxRateRow implements TaxRate {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) country!: string;
  @PrimaryColumn({ type: 'text' }) name!: string;
  @Column({ type: 'text' }) percent!: string;
}
