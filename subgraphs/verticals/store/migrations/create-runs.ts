import { sqlMigration, tenantTable } from '../../../shared/db.ts';

/** Runs of playbooks, their steps, the jobs they submitted, approvals and reports. */
export const createRuns = sqlMigration(
  'CreatePlaybookRuns1764000000101',
  `
  create table playbook_run (
    id text collate "C" primary key,
    tenant_id text not null,
    playbook_key text not null,
    playbook_version integer not null,
    state text not null check (state in (
      'QUEUED', 'RUNNING', 'WAITING_FOR_JOB', 'WAITING_FOR_APPROVAL',
      'COMPENSATING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    reason_code text,
    reason_message text,
    input jsonb not null,
    requested_by_type text not null,
    requested_by_id text not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    unique (tenant_id, id),
    check ((reason_code is null) = (reason_message is null)),
    check ((reason_code is not null) = (state in ('COMPENSATING', 'FAILED', 'CANCELLED'))),
    check ((finished_at is not null) = (state in ('SUCCEEDED', 'FAILED', 'CANCELLED')))
  );
  create index playbook_run_by_state on playbook_run (tenant_id, state, id desc);
  ${tenantTable('playbook_run')}

  create table run_step (
    run_id text collate "C" not null,
    tenant_id text not null,
    name text not null,
    position integer not null,
    state text not null check (state in (
      'PENDING', 'RUNNING', 'WAITING', 'SUCCEEDED', 'FAILED', 'SKIPPED',
      'COMPENSATING', 'COMPENSATED', 'COMPENSATION_FAILED')),
    attempts integer not null default 0,
    output jsonb,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (run_id, name),
    foreign key (tenant_id, run_id) references playbook_run (tenant_id, id)
  );
  ${tenantTable('run_step')}

  create table run_job (
    run_id text collate "C" not null,
    tenant_id text not null,
    step_name text not null,
    job_id text collate "C" not null,
    job_state text,
    reason_code text,
    exit_code integer,
    finished_at timestamptz,
    primary key (run_id, step_name),
    unique (tenant_id, job_id),
    foreign key (tenant_id, run_id) references playbook_run (tenant_id, id),
    check ((job_state is null) = (finished_at is null))
  );
  ${tenantTable('run_job')}

  create table approval (
    id text collate "C" primary key,
    tenant_id text not null,
    run_id text collate "C" not null,
    step_name text not null,
    state text not null check (state in (
      'PENDING', 'APPROVED', 'REJECTED', 'EXPIRED', 'CANCELLED')),
    version integer not null,
    title text not null,
    risk text not null check (risk in ('READ', 'LOW', 'MEDIUM', 'HIGH')),
    action jsonb not null,
    exclude_requester boolean not null,
    requested_at timestamptz not null,
    expires_at timestamptz not null,
    decided_by_type text,
    decided_by_id text,
    decided_at timestamptz,
    comment text,
    unique (run_id, step_name),
    foreign key (tenant_id, run_id) references playbook_run (tenant_id, id),
    check ((decided_at is not null) = (state in ('APPROVED', 'REJECTED'))),
    check ((decided_by_id is null) = (decided_at is null)),
    check ((decided_by_type is null) = (decided_at is null))
  );
  create index approval_by_tenant on approval (tenant_id, id desc);
  create index approval_by_state on approval (tenant_id, state, id desc);
  ${tenantTable('approval')}

  create table check_report (
    id text collate "C" primary key,
    tenant_id text not null,
    run_id text collate "C" not null unique,
    job_id text not null,
    title text not null,
    state text not null check (state in ('DRAFT', 'PUBLISHED', 'WITHDRAWN')),
    created_at timestamptz not null,
    published_at timestamptz,
    withdrawn_at timestamptz,
    foreign key (tenant_id, run_id) references playbook_run (tenant_id, id),
    check (state <> 'PUBLISHED' or published_at is not null),
    check ((state = 'WITHDRAWN') = (withdrawn_at is not null))
  );
  ${tenantTable('check_report')}
  `,
);
