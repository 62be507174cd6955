import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { BillingInterval } from '../../domain/pricing/billing-period.ts';
import type { Charge, PlanTerms } from '../../domain/pricing/plan.ts';

@Entity({ name: 'plan' })
export class PlanRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) slug!: string;
  @Column({ type: 'text' }) name!: string;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
}

@Entity({ name: 'plan_version' })
export class PlanVersionRow implements PlanTerms {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text', name: 'plan_id' }) planId!: string;
  @PrimaryColumn({ type: 'integer' }) version!: number;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'text' }) interval!: BillingInterval;
  @Column({ type: 'integer', name: 'interval_count' }) intervalCount!: number;
  @Column({ type: 'jsonb' }) charges!: Charge[];
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
}

@Entity({ name: 'subscription' })
export class SubscriptionRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) id!: string;
  /** Whose usage is charged: the subject of usage events. */
  @Column({ type: 'text' }) customer!: string;
  @Column({ type: 'text', nullable: true }) country!: string | null;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'text' }) interval!: BillingInterval;
  @Column({ type: 'integer', name: 'interval_count' }) intervalCount!: number;
  @Column({ type: 'text', name: 'time_zone' }) timeZone!: string;
  @Column({ type: 'timestamptz', name: 'started_at' }) startedAt!: Date;
  @Column({ type: 'timestamptz', name: 'ends_at', nullable: true }) endsAt!: Date | null;
  @Column({ type: 'integer', name: 'next_period' }) nextPeriod!: number;
  @Column({ type: 'timestamptz', name: 'next_bill_at', nullable: true }) nextBillAt!: Date | null;
}

@Entity({ name: 'subscription_phase' })
export class SubscriptionPhaseRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text', name: 'subscription_id' }) subscriptionId!: string;
  @PrimaryColumn({ type: 'timestamptz', name: 'from_at' }) fromAt!: Date;
  @Column({ type: 'text', name: 'plan_id' }) planId!: string;
  @Column({ type: 'integer' }) version!: number;
}
