import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Actor } from '../../../shared/auth.ts';
import { minorUnits } from '../../../shared/db.ts';
import type { DisputeState, DisputeStatus } from '../../domain/payments/dispute-state.ts';
import type {
  AttemptStatus,
  OperationKind,
  OperationState,
} from '../../domain/payments/operation.ts';
import type { PaymentState } from '../../domain/payments/payment-state.ts';
import type { PaymentStatus } from '../../domain/payments/payment-status.ts';
import type { ProviderFailure } from '../../domain/payments/provider-error.ts';
import type { RefundStatus } from '../../domain/payments/refund-state.ts';

export type ProviderName = 'STRIPE';
export type AccountStatus = 'PENDING' | 'ACTIVE' | 'RESTRICTED' | 'REVOKED';

@Entity({ name: 'provider_account' })
export class ProviderAccountRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text' }) provider!: ProviderName;
  @Column({ type: 'text' }) mode!: 'LIVE' | 'TEST';
  @Column({ type: 'text' }) status!: AccountStatus;
  /** The account's id with the provider; none for the platform's own. */
  @Column({ type: 'text', name: 'external_id', nullable: true }) externalId!: string | null;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'connected_at', nullable: true }) connectedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'revoked_at', nullable: true }) revokedAt!: Date | null;
}

@Entity({ name: 'payment' })
export class PaymentRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'account_id' }) accountId!: string;
  @Column({ type: 'text' }) provider!: ProviderName;
  @Column({ type: 'text', name: 'provider_reference', nullable: true })
  providerReference!: string | null;
  @Column({ type: 'text', name: 'charge_reference', nullable: true })
  chargeReference!: string | null;
  @Column({ type: 'text' }) status!: PaymentStatus;
  @Column({ type: 'text', name: 'status_reason', nullable: true }) statusReason!: string | null;
  @Column({ type: 'bigint', name: 'amount_minor', transformer: minorUnits }) amountMinor!: number;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'bigint', name: 'capturable_minor', transformer: minorUnits })
  capturableMinor!: number;
  @Column({ type: 'bigint', name: 'captured_minor', transformer: minorUnits })
  capturedMinor!: number;
  @Column({ type: 'bigint', name: 'refunded_minor', transformer: minorUnits })
  refundedMinor!: number;
  /** Refunded, or asked for and not refused. */
  @Column({ type: 'bigint', name: 'refund_reserved_minor', transformer: minorUnits })
  refundReservedMinor!: number;
  @Column({ type: 'bigint', name: 'disputed_minor', transformer: minorUnits })
  disputedMinor!: number;
  /** What of it has reached our balance at the provider, fees included. */
  @Column({ type: 'bigint', name: 'settled_minor', transformer: minorUnits }) settledMinor!: number;
  @Column({ type: 'bigint', name: 'fee_minor', transformer: minorUnits }) feeMinor!: number;
  /** How much of what was captured is in the ledger. */
  @Column({ type: 'bigint', name: 'posted_minor', transformer: minorUnits }) postedMinor!: number;
  @Column({ type: 'text', name: 'capture_method' }) captureMethod!: 'AUTOMATIC' | 'MANUAL';
  @Column({ type: 'text', nullable: true }) description!: string | null;
  @Column({ type: 'jsonb' }) metadata!: Readonly<Record<string, string>>;
  @Column({ type: 'jsonb' }) facts!: PaymentState;
  /** The provider said for sure that it does not have it. */
  @Column({ type: 'boolean', name: 'is_refused' }) isRefused!: boolean;
  @Column({ type: 'bigint', transformer: minorUnits }) version!: number;
  @Column({ type: 'text', name: 'created_by_type' }) createdByType!: Actor['type'];
  @Column({ type: 'text', name: 'created_by_id' }) createdById!: string;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'updated_at' }) updatedAt!: Date;
}

/** Something that is asked of a provider, written down before it is asked. */
@Entity({ name: 'payment_operation' })
export class OperationRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'client_key', nullable: true }) clientKey!: string | null;
  @Column({ type: 'text' }) kind!: OperationKind;
  @Column({ type: 'text', name: 'account_id' }) accountId!: string;
  @Column({ type: 'text', name: 'payment_id', nullable: true }) paymentId!: string | null;
  @Column({ type: 'text', name: 'refund_id', nullable: true }) refundId!: string | null;
  @Column({ type: 'text', name: 'dispute_id', nullable: true }) disputeId!: string | null;
  @Column({ type: 'jsonb' }) input!: OperationInput;
  /** The one key under which the provider is asked, for as long as the operation lives. */
  @Column({ type: 'text', name: 'provider_key' }) providerKey!: string;
  @Column({ type: 'text' }) state!: OperationState;
  @Column({ type: 'jsonb', nullable: true }) failure!: ProviderFailure | null;
  @Column({ type: 'integer' }) calls!: number;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'first_called_at', nullable: true })
  firstCalledAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'answered_at', nullable: true }) answeredAt!: Date | null;
}

/** What is asked for, beside what the payment, refund or dispute itself says. */
export interface OperationInput {
  readonly amountMinor?: number;
  readonly capturedBeforeMinor?: number;
  readonly paymentMethod?: string;
  readonly confirm?: boolean;
  readonly reason?: string;
  readonly evidence?: Readonly<Record<string, string>>;
}

@Entity({ name: 'payment_attempt' })
export class PaymentAttemptRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'payment_id' }) paymentId!: string;
  @Column({ type: 'text', name: 'operation_id' }) operationId!: string;
  @Column({ type: 'integer' }) sequence!: number;
  @Column({ type: 'text' }) provider!: ProviderName;
  @Column({ type: 'text' }) status!: AttemptStatus;
  @Column({ type: 'jsonb', nullable: true }) failure!: ProviderFailure | null;
  @Column({ type: 'text', name: 'provider_reference', nullable: true })
  providerReference!: string | null;
  @Column({ type: 'timestamptz', name: 'started_at' }) startedAt!: Date;
  @Column({ type: 'timestamptz', name: 'finished_at', nullable: true }) finishedAt!: Date | null;
}

export type ApprovalStatus = 'NOT_NEEDED' | 'WAITING' | 'APPROVED' | 'REJECTED';

@Entity({ name: 'refund' })
export class RefundRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'payment_id' }) paymentId!: string;
  @Column({ type: 'text', name: 'provider_reference', nullable: true })
  providerReference!: string | null;
  @Column({ type: 'text' }) status!: RefundStatus;
  @Column({ type: 'bigint', name: 'amount_minor', transformer: minorUnits }) amountMinor!: number;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'text', nullable: true }) reason!: string | null;
  @Column({ type: 'text', name: 'failure_reason', nullable: true }) failureReason!: string | null;
  @Column({ type: 'text' }) approval!: ApprovalStatus;
  @Column({ type: 'text', name: 'decided_by', nullable: true }) decidedBy!: string | null;
  @Column({ type: 'timestamptz', name: 'decided_at', nullable: true }) decidedAt!: Date | null;
  @Column({ type: 'text', name: 'settlement_reference', nullable: true })
  settlementReference!: string | null;
  @Column({ type: 'text', name: 'created_by_type' }) createdByType!: Actor['type'];
  @Column({ type: 'text', name: 'created_by_id' }) createdById!: string;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'updated_at' }) updatedAt!: Date;
}

@Entity({ name: 'dispute' })
export class DisputeRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'payment_id' }) paymentId!: string;
  @Column({ type: 'text', name: 'provider_reference' }) providerReference!: string;
  @Column({ type: 'text' }) status!: DisputeStatus;
  @Column({ type: 'bigint', name: 'amount_minor', transformer: minorUnits }) amountMinor!: number;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'text' }) reason!: string;
  @Column({ type: 'timestamptz', name: 'evidence_due_by', nullable: true })
  evidenceDueBy!: Date | null;
  @Column({ type: 'jsonb' }) facts!: DisputeState;
  @Column({ type: 'bigint', name: 'withdrawn_minor', transformer: minorUnits })
  withdrawnMinor!: number;
  @Column({ type: 'bigint', name: 'fee_minor', transformer: minorUnits }) feeMinor!: number;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'updated_at' }) updatedAt!: Date;
}

export type EventStatus = 'RECEIVED' | 'PARKED' | 'APPLIED' | 'IGNORED' | 'DEAD';

/** What a provider told, kept before it is thanked. */
@Entity({ name: 'provider_event' })
export class ProviderEventRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) provider!: ProviderName;
  @PrimaryColumn({ type: 'text' }) account!: string;
  @PrimaryColumn({ type: 'text', name: 'event_id' }) eventId!: string;
  @Column({ type: 'text' }) type!: string;
  @Column({ type: 'text' }) status!: EventStatus;
  @Column({ type: 'jsonb' }) body!: Readonly<Record<string, unknown>>;
  @Column({ type: 'integer' }) attempts!: number;
  @Column({ type: 'integer' }) replays!: number;
  @Column({ type: 'text', name: 'last_error', nullable: true }) lastError!: string | null;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'received_at' }) receivedAt!: Date;
  @Column({ type: 'timestamptz', name: 'applied_at', nullable: true }) appliedAt!: Date | null;
}

export const paymentEntities = [
  ProviderAccountRow,
  PaymentRow,
  OperationRow,
  PaymentAttemptRow,
  RefundRow,
  DisputeRow,
  ProviderEventRow,
];
