import { sqlMigration } from '../../../shared/db.ts';

/**
 * The ledger for all money: many currencies, hot accounts spread over several
 * rows, money that is pending, reversals, and books as they stood at a moment.
 *
 * A transaction that is off balance cannot commit (a deferred constraint), and
 * no statement may leave entries that are. What is posted is moved by
 * `post_transactions` alone, which takes accounts in one order.
 */
export const WidenLedger = sqlMigration(
  'WidenLedger1764200000001',
  `
  alter table ledger_transaction
    drop constraint ledger_transaction_kind_check,
    drop constraint ledger_transaction_tenant_id_fkey,
    add constraint ledger_transaction_kind_check check (kind ~ '^[a-z]+(-[a-z]+)*$');
  alter table ledger_transaction rename column posted_at to effective_at;
  alter table ledger_transaction
    add column subject text,
    add column reverses text,
    add column content_hash text,
    add column recorded_at timestamptz;

  drop trigger ledger_entry_balanced on ledger_entry;
  alter table ledger_entry
    drop constraint ledger_entry_tenant_id_account_fkey,
    drop constraint ledger_entry_pkey,
    drop constraint ledger_entry_tenant_id_transaction_id_account_key,
    add column shard smallint not null default 0,
    add column pending boolean not null default false,
    add column pending_after_minor bigint not null default 0,
    add column recorded_at timestamptz;

  alter table ledger_account
    drop constraint ledger_account_tenant_id_fkey,
    drop constraint ledger_account_code_check,
    drop constraint ledger_account_pkey,
    add column shard smallint not null default 0 check (shard >= 0),
    add column pending_minor bigint not null default 0,
    add column last_recorded_at timestamptz not null default '-infinity',
    add primary key (tenant_id, code, currency, shard);

  alter table ledger_transaction no force row level security;
  alter table ledger_entry no force row level security;
  alter table ledger_account no force row level security;
  alter table ledger_transaction disable trigger user;
  alter table ledger_entry disable trigger user;
  update ledger_transaction set recorded_at = effective_at;
  update ledger_entry e set recorded_at = t.recorded_at from ledger_transaction t
    where t.tenant_id = e.tenant_id and t.id = e.transaction_id;
  update ledger_account a set last_recorded_at = latest.at
    from (select tenant_id, account, max(recorded_at) as at from ledger_entry group by 1, 2) latest
    where a.tenant_id = latest.tenant_id and a.code = latest.account;
  alter table ledger_transaction enable trigger user;
  alter table ledger_entry enable trigger user;
  alter table ledger_transaction force row level security;
  alter table ledger_entry force row level security;
  alter table ledger_account force row level security;

  alter table ledger_transaction
    alter column recorded_at set not null,
    add foreign key (tenant_id, reverses) references ledger_transaction (tenant_id, id);
  create unique index ledger_transaction_reversed on ledger_transaction (tenant_id, reverses)
    where reverses is not null;
  create index ledger_transaction_of_subject on ledger_transaction (tenant_id, subject, id)
    where subject is not null;
  alter table ledger_entry
    alter column recorded_at set not null,
    add primary key (tenant_id, account, currency, shard, sequence),
    add foreign key (tenant_id, account, currency, shard)
      references ledger_account (tenant_id, code, currency, shard);
  create index ledger_entry_of_transaction on ledger_entry (tenant_id, transaction_id);

  create or replace function check_balanced() returns trigger
    language plpgsql set search_path from current as $$
  begin
    if not (
      select coalesce(bool_and(layer.sum = 0), false) from (
        select sum(amount_minor) from ledger_entry
        where tenant_id = new.tenant_id and transaction_id = new.id group by currency, pending
      ) layer
    ) then
      raise exception 'ledger transaction % does not add up to zero', new.id
        using errcode = 'check_violation';
    end if;
    return null;
  end $$;

  create function check_entries_balanced() returns trigger
    language plpgsql set search_path from current as $$
  begin
    if exists (
      select from added group by tenant_id, transaction_id, currency, pending
      having sum(amount_minor) <> 0
    ) then
      raise exception 'entries of a ledger transaction do not add up to zero'
        using errcode = 'check_violation';
    end if;
    return null;
  end $$;
  create trigger ledger_entries_balanced after insert on ledger_entry
    referencing new table as added for each statement execute function check_entries_balanced();

  create function post_transactions(
    ids text[], kinds text[], sources text[], subjects text[], reversals text[], hashes text[],
    moments timestamptz[],
    places integer[], codes text[], currencies text[], shards smallint[], pendings boolean[],
    amounts bigint[]
  ) returns table (place integer, transaction_id text, content_hash text)
    language plpgsql set search_path from current as $$
  #variable_conflict use_column
  declare
    tenant text := current_setting('forge.tenant');
    locked integer;
    moment timestamptz;
    posted text[];
  begin
    -- Whoever asks for the books at a moment waits for the postings that have begun before it.
    perform pg_advisory_xact_lock_shared(hashtextextended('ledger/' || tenant, 0));
    for attempt in 1..2 loop
      select count(*), greatest(clock_timestamp(), max(account.last_recorded_at) + interval '1 microsecond')
        into locked, moment
        from (
          select a.last_recorded_at from ledger_account a
          where a.tenant_id = tenant and (a.code, a.currency, a.shard) in
            (select * from unnest(codes, currencies, shards))
          order by a.code, a.currency, a.shard for update
        ) account;
      exit when locked = (select count(*) from (select distinct * from unnest(codes, currencies, shards)) wanted);
      insert into ledger_account (tenant_id, code, currency, shard)
        select distinct tenant, wanted.* from unnest(codes, currencies, shards) wanted (code, currency, shard)
        order by 2, 3, 4 on conflict do nothing;
    end loop;

    with header as (
      insert into ledger_transaction
        (tenant_id, id, kind, source, subject, reverses, content_hash, effective_at, recorded_at)
      select tenant, t.*, moment
        from unnest(ids, kinds, sources, subjects, reversals, hashes, moments) t
      on conflict (tenant_id, kind, source) do nothing returning id
    ) select coalesce(array_agg(header.id), '{}') into posted from header;

    with entry as (
      select ids[e.place] as transaction_id, e.*,
        row_number() over running as nth,
        sum(case when pending then 0 else amount end) over running as moved_by_now,
        sum(case when pending then amount else 0 end) over running as pending_by_now
      from unnest(places, codes, currencies, shards, pendings, amounts)
        with ordinality e (place, code, currency, shard, pending, amount, n)
      where ids[e.place] = any (posted)
      window running as (partition by e.code, e.currency, e.shard order by e.n)
    ), account as (
      update ledger_account a
      set balance_minor = a.balance_minor + change.moved,
        pending_minor = a.pending_minor + change.pending,
        last_sequence = a.last_sequence + change.entries,
        last_recorded_at = moment
      from (
        select code, currency, shard, count(*) as entries,
          sum(case when pending then 0 else amount end) as moved,
          sum(case when pending then amount else 0 end) as pending
        from entry group by code, currency, shard
      ) change
      where a.tenant_id = tenant and a.code = change.code and a.currency = change.currency
        and a.shard = change.shard
      returning a.code, a.currency, a.shard, a.last_sequence - change.entries as sequence,
        a.balance_minor - change.moved as balance, a.pending_minor - change.pending as pending
    )
    insert into ledger_entry (tenant_id, account, currency, shard, sequence, transaction_id,
      pending, amount_minor, balance_after_minor, pending_after_minor, recorded_at)
    select tenant, e.code, e.currency, e.shard, a.sequence + e.nth, e.transaction_id,
      e.pending, e.amount, a.balance + e.moved_by_now, a.pending + e.pending_by_now, moment
    from entry e join account a
      on a.code = e.code and a.currency = e.currency and a.shard = e.shard;

    return query
      select asked.n::integer, t.id, t.content_hash
      from unnest(kinds, sources) with ordinality asked (kind, source, n)
      join ledger_transaction t
        on t.tenant_id = tenant and t.kind = asked.kind and t.source = asked.source
      order by asked.n;
  end $$;
  `,
);
