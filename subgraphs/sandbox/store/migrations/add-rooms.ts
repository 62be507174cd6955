import { acrossTenants, sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * Where each tenant's programs run, what was seen of a cluster that runs them,
 * what held an attempt, and until when a job stays away that the cluster had
 * no room for.
 */
export const addRooms = sqlMigration(
  'AddSandboxRooms1764000000210',
  `
  create table tenant_room (
    tenant_id text primary key,
    state text not null check (state in ('PREPARING', 'READY', 'CLOSING', 'CLOSED')),
    profile text,
    problem text,
    failures integer not null default 0,
    checked_at timestamptz,
    due_at timestamptz not null,
    closed_at timestamptz,
    check ((closed_at is not null) = (state in ('CLOSING', 'CLOSED')))
  );
  create index tenant_room_due on tenant_room (due_at) where state <> 'CLOSED';
  ${tenantTable('tenant_room')}
  ${acrossTenants('tenant_room')}

  create table cluster_probe (
    tenant_id text not null,
    pool text not null,
    profile text not null,
    cluster_uid text not null,
    outcome text not null check (outcome in ('HELD', 'BROKEN', 'UNKNOWN')),
    message text not null,
    facts jsonb not null,
    probed_at timestamptz not null,
    due_at timestamptz not null,
    primary key (tenant_id, pool)
  );
  ${tenantTable('cluster_probe')}
  ${acrossTenants('cluster_probe')}
  create policy cluster_probe_is_told on cluster_probe for select using (true);

  alter table job add column not_before timestamptz, add column postponed integer not null default 0;
  alter table job_attempt add column security jsonb;
  `,
);
