import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ApprovalState, Decider } from '../domain/approval.ts';
import type { ReportState } from '../domain/check-report.ts';
import type { PlaybookInput } from '../domain/input-schema.ts';
import type { RiskClass } from '../domain/playbook.ts';
import type { RunReasonCode, RunState, StepState } from '../domain/run.ts';

@Entity({ name: 'playbook_run' })
export class PlaybookRunRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'playbook_key' }) playbookKey!: string;
  @Column({ type: 'integer', name: 'playbook_version' }) playbookVersion!: number;
  @Column({ type: 'text' }) state!: RunState;
  @Column({ type: 'text', name: 'reason_code', nullable: true }) reasonCode!: RunReasonCode | null;
  @Column({ type: 'text', name: 'reason_message', nullable: true }) reasonMessage!: string | null;
  @Column({ type: 'jsonb' }) input!: PlaybookInput;
  @Column({ type: 'text', name: 'requested_by_type' }) requestedByType!: Decider['type'];
  @Column({ type: 'text', name: 'requested_by_id' }) requestedById!: string;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'started_at', nullable: true }) startedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'finished_at', nullable: true }) finishedAt!: Date | null;
}

@Entity({ name: 'run_step' })
export class RunStepRow {
  @PrimaryColumn({ type: 'text', name: 'run_id' }) runId!: string;
  @PrimaryColumn({ type: 'text' }) name!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'integer' }) position!: number;
  @Column({ type: 'text' }) state!: StepState;
  @Column({ type: 'integer' }) attempts!: number;
  @Column({ type: 'jsonb', nullable: true }) output!: object | null;
  @Column({ type: 'timestamptz', name: 'started_at', nullable: true }) startedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'finished_at', nullable: true }) finishedAt!: Date | null;
}

/** A sandbox job that a step submitted, and how it ended once that is known. */
@Entity({ name: 'run_job' })
export class RunJobRow {
  @PrimaryColumn({ type: 'text', name: 'run_id' }) runId!: string;
  @PrimaryColumn({ type: 'text', name: 'step_name' }) stepName!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'job_id' }) jobId!: string;
  @Column({ type: 'text', name: 'job_state', nullable: true }) jobState!: string | null;
  @Column({ type: 'text', name: 'reason_code', nullable: true }) reasonCode!: string | null;
  @Column({ type: 'integer', name: 'exit_code', nullable: true }) exitCode!: number | null;
  @Column({ type: 'timestamptz', name: 'finished_at', nullable: true }) finishedAt!: Date | null;
}

@Entity({ name: 'approval' })
export class ApprovalRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'run_id' }) runId!: string;
  @Column({ type: 'text', name: 'step_name' }) stepName!: string;
  @Column({ type: 'text' }) state!: ApprovalState;
  @Column({ type: 'integer' }) version!: number;
  @Column({ type: 'text' }) title!: string;
  @Column({ type: 'text' }) risk!: RiskClass;
  @Column({ type: 'jsonb' }) action!: object;
  @Column({ type: 'boolean', name: 'exclude_requester' }) excludeRequester!: boolean;
  @Column({ type: 'timestamptz', name: 'requested_at' }) requestedAt!: Date;
  @Column({ type: 'timestamptz', name: 'expires_at' }) expiresAt!: Date;
  @Column({ type: 'text', name: 'decided_by_type', nullable: true })
  decidedByType!: Decider['type'] | null;
  @Column({ type: 'text', name: 'decided_by_id', nullable: true }) decidedById!: string | null;
  @Column({ type: 'timestamptz', name: 'decided_at', nullable: true }) decidedAt!: Date | null;
  @Column({ type: 'text', nullable: true }) comment!: string | null;
}

/** What a check found, shown to the tenant from its publication to its withdrawal. */
@Entity({ name: 'check_report' })
export class CheckReportRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'run_id' }) runId!: string;
  @Column({ type: 'text', name: 'job_id' }) jobId!: string;
  @Column({ type: 'text' }) title!: string;
  @Column({ type: 'text' }) state!: ReportState;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'published_at', nullable: true }) publishedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'withdrawn_at', nullable: true }) withdrawnAt!: Date | null;
}

export const entities = [PlaybookRunRow, RunStepRow, RunJobRow, ApprovalRow, CheckReportRow];
