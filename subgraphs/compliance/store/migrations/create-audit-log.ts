import { sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * Each tenant's audit log: entries in a dense sequence, each hashed over the
 * one before.
 *
 * Entries are never changed or removed, not even by the owner of the table.
 * That is hardening, not the proof: the proof is the chain, whose head can be
 * kept elsewhere.
 */
export const CreateAuditLog = sqlMigration(
  'CreateAuditLog1764100000001',
  `
  create table audit_chain (
    tenant_id text primary key,
    size bigint not null check (size >= 0),
    head bytea not null check (octet_length(head) = 32)
  );

  create table audit_entry (
    tenant_id text not null,
    sequence bigint not null check (sequence > 0),
    id text not null,
    at timestamptz not null,
    actor_type text not null,
    actor_id text not null,
    action text not null,
    target_type text not null,
    target_id text not null,
    outcome text not null check (outcome in ('success', 'refused', 'failure')),
    text text not null check (octet_length(text) <= 65535),
    leaf bytea not null check (octet_length(leaf) = 32),
    head bytea not null check (octet_length(head) = 32),
    recorded_at timestamptz not null,
    primary key (tenant_id, sequence),
    unique (tenant_id, id)
  );
  create index audit_entry_by_target on audit_entry (tenant_id, target_id, target_type, sequence);

  create function refuse_change() returns trigger language plpgsql as $$
  begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
  end $$;
  create trigger audit_entry_kept before update or delete on audit_entry
    for each row execute function refuse_change();
  create trigger audit_entry_not_emptied before truncate on audit_entry
    for each statement execute function refuse_change();
  create trigger audit_chain_kept before delete on audit_chain
    for each row execute function refuse_change();
  create trigger audit_chain_not_emptied before truncate on audit_chain
    for each statement execute function refuse_change();

  ${tenantTable('audit_chain')}
  ${tenantTable('audit_entry')}
  revoke update, delete, truncate on audit_entry from forge_compliance;
  revoke delete, truncate on audit_chain from forge_compliance;
  `,
);
