import { acrossTenants, sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * Plans, who subscribes to them, and the invoices that come of it.
 *
 * What was said once stays: versions of plans, and an invoice from the moment it has
 * its number. Numbers of a tenant follow each other without a
 * gap, since the one that is given and the invoice that has it commit together.
 */
export const CreateInvoices = sqlMigration(
  'CreateInvoices1764200000003',
  `
  create table plan (
    tenant_id text not null,
    id text not null,
    slug text not null,
    name text not null,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, slug)
  );
  create table plan_version (
    tenant_id text not null,
    plan_id text not null,
    version integer not null check (version > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    interval text not null check (interval in ('DAY', 'WEEK', 'MONTH', 'YEAR')),
    interval_count integer not null check (interval_count > 0),
    charges jsonb not null,
    created_at timestamptz not null,
    primary key (tenant_id, plan_id, version),
    foreign key (tenant_id, plan_id) references plan (tenant_id, id)
  );

  create table subscription (
    tenant_id text not null,
    id text not null,
    customer text not null,
    country text check (country ~ '^[A-Z]{2}$'),
    currency text not null,
    interval text not null,
    interval_count integer not null,
    time_zone text not null,
    started_at timestamptz not null,
    ends_at timestamptz check (ends_at >= started_at),
    next_period integer not null default 0,
    next_bill_at timestamptz,
    primary key (tenant_id, id)
  );
  create index subscription_due on subscription (next_bill_at) where next_bill_at is not null;
  create table subscription_phase (
    tenant_id text not null,
    subscription_id text not null,
    from_at timestamptz not null,
    plan_id text not null,
    version integer not null,
    primary key (tenant_id, subscription_id, from_at),
    foreign key (tenant_id, subscription_id) references subscription (tenant_id, id),
    foreign key (tenant_id, plan_id, version) references plan_version (tenant_id, plan_id, version)
  );

  create table tax_rate (
    tenant_id text not null,
    country text not null,
    name text not null,
    percent text not null,
    primary key (tenant_id, country, name)
  );

  create table invoice_counter (
    tenant_id text primary key,
    last integer not null
  );
  create table invoice (
    tenant_id text not null,
    id text not null,
    subscription_id text not null,
    period integer not null,
    period_from timestamptz not null,
    period_to timestamptz not null check (period_to > period_from),
    customer text not null,
    country text,
    currency text not null,
    state text not null check (state in ('DRAFT', 'OPEN', 'PAID', 'VOID', 'UNCOLLECTIBLE')),
    number integer,
    subtotal_minor bigint,
    tax_minor bigint,
    total_minor bigint,
    taxes jsonb,
    document text,
    created_at timestamptz not null,
    finalize_after timestamptz not null,
    finalized_at timestamptz,
    closed_at timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, subscription_id, period),
    unique (tenant_id, number),
    foreign key (tenant_id, subscription_id) references subscription (tenant_id, id),
    check (state <> 'DRAFT' or number is null),
    check (state not in ('OPEN', 'PAID', 'UNCOLLECTIBLE') or number is not null),
    check ((number is null) = (document is null)),
    check (number is null or total_minor = subtotal_minor + tax_minor)
  );
  create index invoice_to_finalize on invoice (finalize_after) where state = 'DRAFT';
  create table invoice_line (
    tenant_id text not null,
    invoice_id text not null,
    position integer not null check (position > 0),
    kind text not null check (kind in ('CHARGE', 'ADJUSTMENT')),
    charge_key text not null,
    label text not null,
    meter_id text,
    quantity text,
    from_at timestamptz not null,
    to_at timestamptz not null,
    amount_minor bigint not null,
    tax_minor bigint not null,
    primary key (tenant_id, invoice_id, position),
    foreign key (tenant_id, invoice_id) references invoice (tenant_id, id)
  );

  create function keep_invoice() returns trigger language plpgsql as $$
  begin
    if old.number is not null and (tg_op = 'DELETE'
      or to_jsonb(new) - '{state,closed_at}'::text[] <> to_jsonb(old) - '{state,closed_at}'::text[]) then
      raise exception 'invoice % is final', old.id using errcode = 'insufficient_privilege';
    end if;
    return case tg_op when 'DELETE' then old else new end;
  end $$;
  create trigger invoice_kept before update or delete on invoice
    for each row execute function keep_invoice();
  create function keep_invoice_line() returns trigger
    language plpgsql set search_path from current as $$
  begin
    if tg_op <> 'INSERT' or exists (
      select from invoice where tenant_id = new.tenant_id and id = new.invoice_id and number is not null
    ) then
      raise exception 'lines of a final invoice are kept' using errcode = 'insufficient_privilege';
    end if;
    return new;
  end $$;
  create trigger invoice_line_kept before insert or update or delete on invoice_line
    for each row execute function keep_invoice_line();
  create trigger invoice_not_emptied before truncate on invoice
    for each statement execute function refuse_change();
  create trigger invoice_line_not_emptied before truncate on invoice_line
    for each statement execute function refuse_change();
  create trigger plan_version_kept before update or delete on plan_version
    for each row execute function refuse_change();

  ${tenantTable('plan')}
  ${tenantTable('plan_version')}
  ${tenantTable('subscription')}
  ${acrossTenants('subscription')}
  ${tenantTable('subscription_phase')}
  ${tenantTable('tax_rate')}
  ${tenantTable('invoice_counter')}
  ${tenantTable('invoice')}
  ${acrossTenants('invoice')}
  ${tenantTable('invoice_line')}
  `,
);
