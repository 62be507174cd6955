import { acrossTenants, sqlMigration, tenantTable } from '../../../shared/db.ts';

const states = `(
      'QUEUED', 'ADMITTED', 'CREATING', 'PULLING', 'RUNNING', 'COLLECTING', 'CANCELLING',
      'SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT')`;
const ends = `('SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT')`;
const active = `('ADMITTED', 'CREATING', 'PULLING', 'RUNNING', 'CANCELLING')`;

/**
 * Jobs, their attempts, what they printed and what they left.
 *
 * What a job runs lies beside its row, so that lists of jobs and changes of
 * state do not carry it along.
 */
export const createJobs = sqlMigration(
  'CreateSandboxJobs1764000000201',
  `
  create table job (
    id text collate "C" primary key,
    tenant_id text not null,
    name text,
    labels jsonb not null,
    template text not null,
    timeout_seconds integer not null,
    cpu_millicores integer not null,
    memory_mib integer not null,
    submitted_by_type text not null,
    submitted_by_id text not null,
    retry_of text collate "C",
    state text not null check (state in ${states}),
    ready boolean not null default false,
    reason_code text,
    reason_message text,
    attempt integer not null default 1 check (attempt > 0),
    progress_percent double precision,
    progress_message text,
    exit_code integer,
    created_at timestamptz not null,
    deadline_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    purged_at timestamptz,
    unique (tenant_id, id),
    check ((reason_code is null) = (reason_message is null)),
    check ((finished_at is not null) = (state in ${ends})),
    check ((deadline_at is null) = (state in ${ends})),
    check (not ready or state = 'QUEUED')
  );
  create index job_by_state on job (tenant_id, state, id desc);
  create index job_in_line on job (tenant_id, created_at, id) where ready;
  create index job_queued on job (tenant_id, created_at, id) where state = 'QUEUED';
  create index job_active on job (tenant_id) where state in ${active};
  create index job_deadline on job (deadline_at) where deadline_at is not null;
  create index job_kept on job (finished_at) where finished_at is not null and purged_at is null;
  ${tenantTable('job')}
  ${acrossTenants('job')}

  create table job_program (
    job_id text collate "C" primary key,
    tenant_id text not null,
    source text not null,
    args jsonb not null,
    env jsonb not null,
    foreign key (tenant_id, job_id) references job (tenant_id, id)
  );
  ${tenantTable('job_program')}

  create table job_attempt (
    job_id text collate "C" not null,
    attempt integer not null,
    tenant_id text not null,
    hold text not null check (hold in ('ASKED', 'PLACED', 'REFUSED', 'RETURNED')),
    created_at timestamptz not null,
    started_at timestamptz,
    seen_at timestamptz,
    finished_at timestamptz,
    position text not null default '',
    last_line bigint not null default 0,
    wall_ms bigint not null default 0,
    cpu_ms bigint not null default 0,
    memory_bytes bigint not null default 0,
    memory_peak_bytes bigint not null default 0,
    exit_code integer,
    signal text,
    verdict_state text check (verdict_state in ('SUCCEEDED', 'FAILED', 'TIMED_OUT')),
    verdict_code text,
    verdict_details text not null default '',
    collected_at timestamptz,
    files_refused integer not null default 0,
    settled_at timestamptz,
    primary key (job_id, attempt),
    foreign key (tenant_id, job_id) references job (tenant_id, id),
    check ((verdict_state is not null) = (finished_at is not null)),
    check (finished_at is null or started_at is not null)
  );
  ${tenantTable('job_attempt')}
  ${acrossTenants('job_attempt')}

  create table log_chunk (
    job_id text collate "C" not null,
    last_line bigint not null,
    first_line bigint not null,
    tenant_id text not null,
    attempt integer not null,
    lines text not null,
    primary key (job_id, last_line),
    foreign key (tenant_id, job_id) references job (tenant_id, id),
    check (first_line between 1 and last_line)
  );
  ${tenantTable('log_chunk')}

  create table artifact (
    id text collate "C" primary key,
    tenant_id text not null,
    job_id text collate "C" not null,
    attempt integer not null,
    path text collate "C" not null,
    bytes bigint not null,
    sha256 text not null,
    media_type text not null,
    created_at timestamptz not null,
    unique (job_id, attempt, path),
    foreign key (tenant_id, job_id) references job (tenant_id, id)
  );
  ${tenantTable('artifact')}

  create table artifact_part (
    artifact_id text collate "C" not null
      references artifact (id) on delete cascade deferrable initially deferred,
    n integer not null,
    tenant_id text not null,
    content bytea not null,
    primary key (artifact_id, n)
  );
  alter table artifact_part alter column content set storage external;
  ${tenantTable('artifact_part')}

  create table artifact_refusal (
    job_id text collate "C" not null,
    attempt integer not null,
    path text collate "C" not null,
    tenant_id text not null,
    why text not null,
    primary key (job_id, attempt, path, why),
    foreign key (tenant_id, job_id) references job (tenant_id, id)
  );
  ${tenantTable('artifact_refusal')}

  create table tenant_quota (
    tenant_id text primary key,
    concurrent_max integer not null check (concurrent_max >= 0),
    queued_max integer not null check (queued_max >= 0),
    cpu_millicores_max integer not null check (cpu_millicores_max >= 0),
    memory_mib_max integer not null check (memory_mib_max >= 0),
    weight double precision not null check (weight > 0)
  );
  ${tenantTable('tenant_quota')}
  ${acrossTenants('tenant_quota')}
  `,
);
