import { acrossTenants, sqlMigration, tenantTable } from './db.ts';
import type { MigrationClass } from './db.ts';

/**
 * What subgraphs share: messages under way between them, and which processes
 * are alive.
 *
 * A message row belongs to the one who takes it. Whoever changes something may
 * leave a message for another subgraph of the same tenant, and can neither read
 * nor take back what is there.
 */
const CreateMessages = sqlMigration(
  'CreateMessages1764000000001',
  `
  create table message (
    id bigint generated always as identity primary key,
    message_id text not null,
    subscriber text not null,
    topic text not null,
    tenant_id text not null,
    key text not null,
    payload jsonb not null,
    created_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    attempts integer not null default 0,
    last_error text
  );
  create index message_of_tenant on message (subscriber, tenant_id, id);
  create index message_of_key on message (subscriber, tenant_id, key);
  alter table message enable row level security;
  alter table message force row level security;
  create policy message_left on message for insert
    with check (tenant_id = current_setting('forge.tenant', true));
  create policy message_taken on message
    using (tenant_id = current_setting('forge.tenant', true)
      and current_user = 'forge_' || subscriber)
    with check (false);
  create policy message_put_off on message for update
    using (tenant_id = current_setting('forge.tenant', true)
      and current_user = 'forge_' || subscriber)
    with check (tenant_id = current_setting('forge.tenant', true)
      and current_user = 'forge_' || subscriber);
  create policy message_found on message for select
    using (current_user = 'forge_' || subscriber || '_across');

  create table executor (
    id text primary key,
    subgraphs text[] not null,
    started_at timestamptz not null default now(),
    lease_until timestamptz not null
  );
  `,
);

/** What every subgraph keeps in its own schema. */
const CreateKernelTables = sqlMigration(
  'CreateKernelTables1764000000001',
  `
  create table event_stream (
    tenant_id text not null,
    stream text collate "C" not null,
    last_seq bigint not null default 0,
    ended_at timestamptz,
    primary key (tenant_id, stream)
  );
  create index event_stream_ended on event_stream (ended_at) where ended_at < 'infinity';
  create table event (
    tenant_id text not null,
    stream text collate "C" not null,
    seq bigint not null check (seq > 0),
    type text not null,
    payload jsonb not null,
    at timestamptz not null,
    primary key (tenant_id, stream, seq)
  );
  ${tenantTable('event_stream')}
  ${acrossTenants('event_stream')}
  ${tenantTable('event')}

  create table idempotency (
    tenant_id text not null,
    key text collate "C" not null,
    operation text not null,
    input_hash bytea not null,
    outcome jsonb,
    created_at timestamptz not null default now(),
    primary key (tenant_id, key)
  );
  create index idempotency_age on idempotency (created_at);
  ${tenantTable('idempotency')}
  ${acrossTenants('idempotency')}

  create table workflow_start (
    id text primary key,
    tenant_id text not null,
    workflow text not null,
    input jsonb not null,
    created_at timestamptz not null default now()
  );
  ${tenantTable('workflow_start')}
  ${acrossTenants('workflow_start')}
  create table workflow_signal (
    id bigint generated always as identity primary key,
    tenant_id text not null,
    run_id text not null,
    topic text not null,
    payload jsonb not null,
    created_at timestamptz not null default now()
  );
  ${tenantTable('workflow_signal')}
  ${acrossTenants('workflow_signal')}
  create table workflow_step (
    tenant_id text not null,
    run_id text not null,
    name text not null,
    output jsonb,
    primary key (run_id, name)
  );
  ${tenantTable('workflow_step')}

  create table data_key (
    tenant_id text not null,
    version integer not null check (version > 0),
    wrapped bytea,
    kms_key text not null,
    created_at timestamptz not null default now(),
    shredded_at timestamptz,
    primary key (tenant_id, version),
    check ((wrapped is null) = (shredded_at is not null))
  );
  ${tenantTable('data_key')}
  `,
);

/** Tables of the kernel: of all subgraphs together, and of each. */
export const kernelTables: {
  readonly shared: readonly MigrationClass[];
  readonly each: readonly MigrationClass[];
} = { shared: [CreateMessages], each: [CreateKernelTables] };
