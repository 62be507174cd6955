import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Actor } from '../../shared/auth.ts';
import { minorUnits } from '../../shared/db.ts';
import type { JobReasonCode } from '../domain/job-reason.ts';
import type { NamedValue } from '../domain/job-spec.ts';
import type { JobState } from '../domain/job-state.ts';
import type { TemplateId } from '../domain/job-template.ts';
import type { KeptSecurity } from '../domain/security.ts';
import type { RoomState } from '../domain/room.ts';
import type { Verdict } from '../domain/verdict.ts';

@Entity({ name: 'job' })
export class JobRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', nullable: true }) name!: string | null;
  @Column({ type: 'jsonb' }) labels!: readonly NamedValue[];
  @Column({ type: 'text' }) template!: TemplateId;
  @Column({ type: 'integer', name: 'timeout_seconds' }) timeoutSeconds!: number;
  @Column({ type: 'integer', name: 'cpu_millicores' }) cpuMillicores!: number;
  @Column({ type: 'integer', name: 'memory_mib' }) memoryMib!: number;
  @Column({ type: 'text', name: 'submitted_by_type' }) submittedByType!: Actor['type'];
  @Column({ type: 'text', name: 'submitted_by_id' }) submittedById!: string;
  @Column({ type: 'text', name: 'retry_of', nullable: true }) retryOf!: string | null;
  @Column({ type: 'text' }) state!: JobState;
  /** Whether it waits for nothing but its turn. */
  @Column({ type: 'boolean' }) ready!: boolean;
  @Column({ type: 'text', name: 'reason_code', nullable: true }) reasonCode!: JobReasonCode | null;
  @Column({ type: 'text', name: 'reason_message', nullable: true }) reasonMessage!: string | null;
  @Column({ type: 'integer' }) attempt!: number;
  /** When it may be given its turn again, if the runner had no room for it. */
  @Column({ type: 'timestamptz', name: 'not_before', nullable: true }) notBefore!: Date | null;
  /** How often that was so. */
  @Column({ type: 'integer' }) postponed!: number;
  @Column({ type: 'double precision', name: 'progress_percent', nullable: true })
  progressPercent!: number | null;
  @Column({ type: 'text', name: 'progress_message', nullable: true })
  progressMessage!: string | null;
  @Column({ type: 'integer', name: 'exit_code', nullable: true }) exitCode!: number | null;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'deadline_at', nullable: true }) deadlineAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'started_at', nullable: true }) startedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'finished_at', nullable: true }) finishedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'purged_at', nullable: true }) purgedAt!: Date | null;
}

/** What a job runs. */
@Entity({ name: 'job_program' })
export class JobProgramRow {
  @PrimaryColumn({ type: 'text', name: 'job_id' }) jobId!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text' }) source!: string;
  @Column({ type: 'jsonb' }) args!: readonly string[];
  @Column({ type: 'jsonb' }) env!: readonly NamedValue[];
}

export type HoldState = 'ASKED' | 'PLACED' | 'REFUSED' | 'RETURNED';

@Entity({ name: 'job_attempt' })
export class AttemptRow {
  @PrimaryColumn({ type: 'text', name: 'job_id' }) jobId!: string;
  @PrimaryColumn({ type: 'integer' }) attempt!: number;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text' }) hold!: HoldState;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'started_at', nullable: true }) startedAt!: Date | null;
  /** The program's last sign of life. */
  @Column({ type: 'timestamptz', name: 'seen_at', nullable: true }) seenAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'finished_at', nullable: true }) finishedAt!: Date | null;
  /** How far its output has been read. */
  @Column({ type: 'text' }) position!: string;
  @Column({ type: 'bigint', name: 'last_line', transformer: minorUnits }) lastLine!: number;
  @Column({ type: 'bigint', name: 'wall_ms', transformer: minorUnits }) wallMs!: number;
  @Column({ type: 'bigint', name: 'cpu_ms', transformer: minorUnits }) cpuMs!: number;
  @Column({ type: 'bigint', name: 'memory_bytes', transformer: minorUnits }) memoryBytes!: number;
  @Column({ type: 'bigint', name: 'memory_peak_bytes', transformer: minorUnits })
  memoryPeakBytes!: number;
  @Column({ type: 'integer', name: 'exit_code', nullable: true }) exitCode!: number | null;
  @Column({ type: 'text', nullable: true }) signal!: string | null;
  @Column({ type: 'text', name: 'verdict_state', nullable: true })
  verdictState!: Verdict['state'] | null;
  @Column({ type: 'text', name: 'verdict_code', nullable: true })
  verdictCode!: JobReasonCode | null;
  @Column({ type: 'text', name: 'verdict_details' }) verdictDetails!: string;
  @Column({ type: 'timestamptz', name: 'collected_at', nullable: true })
  collectedAt!: Date | null;
  /** What held its program. */
  @Column({ type: 'jsonb', nullable: true }) security!: KeptSecurity | null;
  @Column({ type: 'integer', name: 'files_refused' }) filesRefused!: number;
  @Column({ type: 'timestamptz', name: 'settled_at', nullable: true }) settledAt!: Date | null;
}

@Entity({ name: 'artifact' })
export class ArtifactRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text', name: 'job_id' }) jobId!: string;
  @Column({ type: 'integer' }) attempt!: number;
  @Column({ type: 'text' }) path!: string;
  @Column({ type: 'bigint', transformer: minorUnits }) bytes!: number;
  @Column({ type: 'text' }) sha256!: string;
  @Column({ type: 'text', name: 'media_type' }) mediaType!: string;
  @Column({ type: 'timestamptz', name: 'created_at' }) createdAt!: Date;
}

/** What was agreed with a tenant, where that is not the default. */
@Entity({ name: 'tenant_quota' })
export class TenantQuotaRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'integer', name: 'concurrent_max' }) concurrentMax!: number;
  @Column({ type: 'integer', name: 'queued_max' }) queuedMax!: number;
  @Column({ type: 'integer', name: 'cpu_millicores_max' }) cpuMillicoresMax!: number;
  @Column({ type: 'integer', name: 'memory_mib_max' }) memoryMibMax!: number;
  @Column({ type: 'double precision' }) weight!: number;
}

/** Where a tenant's programs run. */
@Entity({ name: 'tenant_room' })
export class TenantRoomRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text' }) state!: RoomState;
  /** What keeps it from being ready, for operators. */
  @Column({ type: 'text', nullable: true }) problem!: string | null;
  @Column({ type: 'timestamptz', name: 'checked_at', nullable: true }) checkedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'closed_at', nullable: true }) closedAt!: Date | null;
}

export const entities = [
  JobRow,
  JobProgramRow,
  AttemptRow,
  ArtifactRow,
  TenantQuotaRow,
  TenantRoomRow,
];
