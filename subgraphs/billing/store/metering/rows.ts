import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Actor } from '../../../shared/auth.ts';
import type { EventData } from '../../domain/metering/cloud-event.ts';
import type { Aggregation, MeterDraft } from '../../domain/metering/meter.ts';

@Entity({ name: 'meter' })
export class MeterRow implements MeterDraft {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) slug!: string;
  @Column({ type: 'text' }) name!: string;
  @Column({ type: 'text', name: 'event_type' }) eventType!: string;
  @Column({ type: 'text' }) aggregation!: Aggregation;
  @Column({ type: 'text', name: 'value_property', nullable: true }) valueProperty!: string | null;
  @Column({ type: 'text', name: 'group_by', array: true }) groupBy!: string[];
  @Column({ type: 'text' }) unit!: string;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'archived_at', nullable: true }) archivedAt!: Date | null;
}

@Entity({ name: 'usage_event' })
export class UsageEventRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) source!: string;
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) type!: string;
  @Column({ type: 'text' }) subject!: string;
  @Column({ type: 'timestamptz' }) time!: Date;
  @Column({ type: 'jsonb' }) data!: EventData;
  @Column({ type: 'timestamptz', name: 'received_at' }) receivedAt!: Date;
}

@Entity({ name: 'usage_amendment' })
export class UsageAmendmentRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) source!: string;
  @PrimaryColumn({ type: 'text', name: 'event_id' }) eventId!: string;
  @PrimaryColumn({ type: 'integer' }) version!: number;
  @Column({ type: 'text' }) kind!: 'CORRECTED' | 'VOIDED';
  @Column({ type: 'jsonb', nullable: true }) data!: EventData | null;
  @Column({ type: 'text' }) reason!: string;
  @Column({ type: 'jsonb' }) actor!: Actor;
  @Column({ type: 'timestamptz' }) at!: Date;
}
