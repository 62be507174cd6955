import { sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * A tenant's account and its double-entry ledger.
 *
 * The rules that no program may break are the database's: entries of one
 * transaction add up to zero when it commits, a cause is booked once, and what
 * is booked is never changed or removed, not even by the owner of the tables.
 */
export const CreateAccounts = sqlMigration(
  'CreateAccounts1764100000001',
  `
  create table billing_account (
    tenant_id text primary key,
    name text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    opened_at timestamptz not null
  );

  create table ledger_account (
    tenant_id text not null references billing_account (tenant_id),
    code text not null check (code in ('credit', 'funding', 'held', 'revenue')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    balance_minor bigint not null default 0,
    last_sequence bigint not null default 0,
    primary key (tenant_id, code)
  );

  create table ledger_transaction (
    tenant_id text not null references billing_account (tenant_id),
    id text not null,
    kind text not null check (kind in ('opening-credit', 'hold-placed', 'hold-released', 'charge-settled')),
    source text not null,
    posted_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, kind, source)
  );

  create table ledger_entry (
    tenant_id text not null,
    account text not null,
    sequence bigint not null check (sequence > 0),
    transaction_id text not null,
    amount_minor bigint not null check (amount_minor <> 0),
    balance_after_minor bigint not null,
    currency text not null,
    primary key (tenant_id, account, sequence),
    unique (tenant_id, transaction_id, account),
    foreign key (tenant_id, transaction_id) references ledger_transaction (tenant_id, id),
    foreign key (tenant_id, account) references ledger_account (tenant_id, code)
  );

  create function refuse_change() returns trigger language plpgsql as $$
  begin
    raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
  end $$;

  create function check_balanced() returns trigger language plpgsql set search_path from current as $$
  declare
    booked text := coalesce(to_jsonb(new) ->> 'transaction_id', to_jsonb(new) ->> 'id');
  begin
    if exists (
      select 1 from ledger_transaction t
      left join ledger_entry e on e.tenant_id = t.tenant_id and e.transaction_id = t.id
      where t.tenant_id = new.tenant_id and t.id = booked
      group by e.currency having coalesce(sum(e.amount_minor), 1) <> 0
    ) then
      raise exception 'ledger transaction % does not add up to zero', booked
        using errcode = 'check_violation';
    end if;
    return null;
  end $$;
  create constraint trigger ledger_transaction_balanced after insert on ledger_transaction
    deferrable initially deferred for each row execute function check_balanced();
  create constraint trigger ledger_entry_balanced after insert on ledger_entry
    deferrable initially deferred for each row execute function check_balanced();

  create trigger ledger_transaction_kept before update or delete on ledger_transaction
    for each row execute function refuse_change();
  create trigger ledger_transaction_not_emptied before truncate on ledger_transaction
    for each statement execute function refuse_change();
  create trigger ledger_entry_kept before update or delete on ledger_entry
    for each row execute function refuse_change();
  create trigger ledger_entry_not_emptied before truncate on ledger_entry
    for each statement execute function refuse_change();

  ${tenantTable('billing_account')}
  ${tenantTable('ledger_account')}
  ${tenantTable('ledger_transaction')}
  ${tenantTable('ledger_entry')}
  `,
);
