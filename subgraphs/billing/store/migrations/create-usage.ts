import { sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * Holds, usage facts and charges, each once per attempt of a job. That usage
 * is counted and charged exactly once is a primary key, not a promise.
 */
export const CreateUsage = sqlMigration(
  'CreateUsage1764100000003',
  `
  create table credit_hold (
    tenant_id text not null references billing_account (tenant_id),
    job_id text not null,
    attempt integer not null check (attempt > 0),
    state text not null check (state in ('placed', 'refused', 'released', 'settled')),
    answer text not null check (answer in ('placed', 'refused')),
    reason text,
    message text,
    amount_minor bigint not null check (amount_minor >= 0),
    currency text not null,
    price_list_version integer,
    opened_at timestamptz not null,
    closed_at timestamptz,
    primary key (tenant_id, job_id, attempt),
    check ((state = 'placed') = (closed_at is null)),
    check ((answer = 'refused') = (reason is not null))
  );

  create table usage_fact (
    tenant_id text not null references billing_account (tenant_id),
    job_id text not null,
    attempt integer not null check (attempt > 0),
    cpu_millicores integer not null check (cpu_millicores >= 0),
    memory_mib integer not null check (memory_mib >= 0),
    wall_ms bigint not null check (wall_ms >= 0),
    cpu_ms bigint not null check (cpu_ms >= 0),
    memory_peak_bytes bigint not null check (memory_peak_bytes >= 0),
    started_at timestamptz not null,
    finished_at timestamptz not null,
    recorded_at timestamptz not null,
    primary key (tenant_id, job_id, attempt)
  );

  create table charge (
    tenant_id text not null,
    job_id text not null,
    attempt integer not null,
    amount_minor bigint not null check (amount_minor > 0),
    currency text not null,
    price_list_version integer not null,
    settled_at timestamptz not null,
    primary key (tenant_id, job_id, attempt),
    foreign key (tenant_id, job_id, attempt) references usage_fact (tenant_id, job_id, attempt)
  );
  create index charge_by_time on charge (tenant_id, settled_at);

  create trigger usage_fact_kept before update or delete on usage_fact
    for each row execute function refuse_change();
  create trigger usage_fact_not_emptied before truncate on usage_fact
    for each statement execute function refuse_change();
  create trigger charge_kept before update or delete on charge
    for each row execute function refuse_change();
  create trigger charge_not_emptied before truncate on charge
    for each statement execute function refuse_change();

  ${tenantTable('credit_hold')}
  ${tenantTable('usage_fact')}
  ${tenantTable('charge')}
  `,
);
