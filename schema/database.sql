-- Written by `npm run schema` from the migrations. Nothing reads it.

create schema forge;
set search_path = forge;

-- forge: CreateMessages1764000000001

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

create schema billing;
set search_path = billing;

-- billing: CreateKernelTables1764000000001

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

alter table event_stream enable row level security;
alter table event_stream force row level security;
create policy event_stream_of_tenant on event_stream
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy event_stream_across on event_stream for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on event_stream to %I', 'forge_' || current_schema() || '_across');
end $$;


alter table event enable row level security;
alter table event force row level security;
create policy event_of_tenant on event
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table idempotency enable row level security;
alter table idempotency force row level security;
create policy idempotency_of_tenant on idempotency
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy idempotency_across on idempotency for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on idempotency to %I', 'forge_' || current_schema() || '_across');
end $$;


create table workflow_start (
  id text primary key,
  tenant_id text not null,
  workflow text not null,
  input jsonb not null,
  created_at timestamptz not null default now()
);

alter table workflow_start enable row level security;
alter table workflow_start force row level security;
create policy workflow_start_of_tenant on workflow_start
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy workflow_start_across on workflow_start for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on workflow_start to %I', 'forge_' || current_schema() || '_across');
end $$;

create table workflow_signal (
  id bigint generated always as identity primary key,
  tenant_id text not null,
  run_id text not null,
  topic text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);

alter table workflow_signal enable row level security;
alter table workflow_signal force row level security;
create policy workflow_signal_of_tenant on workflow_signal
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy workflow_signal_across on workflow_signal for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on workflow_signal to %I', 'forge_' || current_schema() || '_across');
end $$;

create table workflow_step (
  tenant_id text not null,
  run_id text not null,
  name text not null,
  output jsonb,
  primary key (run_id, name)
);

alter table workflow_step enable row level security;
alter table workflow_step force row level security;
create policy workflow_step_of_tenant on workflow_step
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table data_key enable row level security;
alter table data_key force row level security;
create policy data_key_of_tenant on data_key
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

-- billing: CreateAccounts1764100000001

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


alter table billing_account enable row level security;
alter table billing_account force row level security;
create policy billing_account_of_tenant on billing_account
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table ledger_account enable row level security;
alter table ledger_account force row level security;
create policy ledger_account_of_tenant on ledger_account
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table ledger_transaction enable row level security;
alter table ledger_transaction force row level security;
create policy ledger_transaction_of_tenant on ledger_transaction
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table ledger_entry enable row level security;
alter table ledger_entry force row level security;
create policy ledger_entry_of_tenant on ledger_entry
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

-- billing: CreatePriceLists1764100000002

create table price_list (
  tenant_id text not null default '*',
  version integer not null check (version > 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  effective_from timestamptz not null,
  vcpu_second_micro_minor bigint not null check (vcpu_second_micro_minor >= 0),
  gib_second_micro_minor bigint not null check (gib_second_micro_minor >= 0),
  minimum_minor bigint not null check (minimum_minor >= 1),
  primary key (tenant_id, version)
);
insert into price_list
  (version, currency, effective_from, vcpu_second_micro_minor, gib_second_micro_minor, minimum_minor)
  values (1, 'USD', '2026-01-01T00:00:00Z', 1400, 450, 1);

create trigger price_list_kept before update or delete on price_list
  for each row execute function refuse_change();
create trigger price_list_not_emptied before truncate on price_list
  for each statement execute function refuse_change();


alter table price_list enable row level security;
alter table price_list force row level security;
create policy price_list_of_tenant on price_list
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

create policy price_list_for_everyone on price_list for select using (tenant_id = '*');

-- billing: CreateUsage1764100000003

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


alter table credit_hold enable row level security;
alter table credit_hold force row level security;
create policy credit_hold_of_tenant on credit_hold
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table usage_fact enable row level security;
alter table usage_fact force row level security;
create policy usage_fact_of_tenant on usage_fact
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table charge enable row level security;
alter table charge force row level security;
create policy charge_of_tenant on charge
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

-- billing: WidenLedger1764200000001

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

-- billing: CreateMetering1764200000002

create table meter (
  tenant_id text not null,
  id text not null,
  slug text not null,
  name text not null,
  event_type text not null,
  aggregation text not null check (aggregation in
    ('SUM', 'COUNT', 'AVG', 'MIN', 'MAX', 'UNIQUE', 'LATEST', 'WEIGHTED_SUM')),
  value_property text check ((value_property is null) = (aggregation = 'COUNT')),
  group_by text[] not null default '{}',
  unit text not null,
  created_at timestamptz not null,
  archived_at timestamptz,
  primary key (tenant_id, id)
);
create unique index meter_slug on meter (tenant_id, slug) where archived_at is null;
create index meter_of_type on meter (tenant_id, event_type);

create table usage_event (
  tenant_id text not null,
  source text collate "C" not null,
  id text collate "C" not null,
  type text collate "C" not null,
  subject text collate "C" not null,
  time timestamptz not null,
  data jsonb not null,
  content_hash text not null,
  received_at timestamptz not null,
  primary key (tenant_id, source, id)
);
create index usage_event_by_time on usage_event (tenant_id, type, time);

create table usage_amendment (
  tenant_id text not null,
  source text collate "C" not null,
  event_id text collate "C" not null,
  version integer not null check (version > 0),
  kind text not null check (kind in ('CORRECTED', 'VOIDED')),
  data jsonb check ((data is null) = (kind = 'VOIDED')),
  reason text not null,
  actor jsonb not null,
  at timestamptz not null,
  primary key (tenant_id, source, event_id, version),
  foreign key (tenant_id, source, event_id) references usage_event (tenant_id, source, id)
);

create table usage_bucket (
  tenant_id text not null,
  meter_id text not null,
  hour timestamptz not null,
  subject text collate "C" not null,
  dims jsonb not null,
  events bigint not null,
  total numeric not null,
  moment numeric not null,
  lowest numeric,
  highest numeric,
  latest numeric,
  latest_time timestamptz,
  latest_key text collate "C",
  primary key (tenant_id, meter_id, hour, subject, dims),
  foreign key (tenant_id, meter_id) references meter (tenant_id, id)
);
create table usage_unique (
  tenant_id text not null,
  meter_id text not null,
  hour timestamptz not null,
  subject text collate "C" not null,
  dims jsonb not null,
  value text collate "C" not null,
  primary key (tenant_id, meter_id, hour, subject, dims, value)
);

create trigger usage_event_kept before update or delete on usage_event
  for each row execute function refuse_change();
create trigger usage_event_not_emptied before truncate on usage_event
  for each statement execute function refuse_change();
create trigger usage_amendment_kept before update or delete on usage_amendment
  for each row execute function refuse_change();
create trigger usage_amendment_not_emptied before truncate on usage_amendment
  for each statement execute function refuse_change();


alter table meter enable row level security;
alter table meter force row level security;
create policy meter_of_tenant on meter
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table usage_event enable row level security;
alter table usage_event force row level security;
create policy usage_event_of_tenant on usage_event
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table usage_amendment enable row level security;
alter table usage_amendment force row level security;
create policy usage_amendment_of_tenant on usage_amendment
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table usage_bucket enable row level security;
alter table usage_bucket force row level security;
create policy usage_bucket_of_tenant on usage_bucket
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table usage_unique enable row level security;
alter table usage_unique force row level security;
create policy usage_unique_of_tenant on usage_unique
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


create function usage_number(data jsonb, property text) returns numeric language sql immutable as $$
  select case jsonb_typeof(data -> property)
    when 'number' then (data ->> property)::numeric
    when 'string' then case when data ->> property ~ '^-?[0-9]{1,30}([.][0-9]{1,18})?$'
      then (data ->> property)::numeric end
  end
$$;
create function usage_text(data jsonb, property text) returns text language sql immutable as $$
  select case when jsonb_typeof(data -> property) in ('string', 'number', 'boolean')
    then data ->> property end
$$;
create function usage_dims(data jsonb, properties text[]) returns jsonb language sql immutable as $$
  select case when properties = '{}' then '{}'::jsonb
    else (select jsonb_object_agg(p, coalesce(data ->> p, '')) from unnest(properties) p) end
$$;

-- Events as they count now, once for each meter of their type.
create view usage_measurement with (security_invoker = true) as
  select e.tenant_id, m.id as meter_id, m.aggregation, e.source, e.id, e.type, e.subject, e.time,
    usage_dims(now.data, m.group_by) as dims,
    case when m.aggregation <> 'COUNT' then usage_number(now.data, m.value_property) end as value,
    case when m.aggregation = 'UNIQUE' then usage_text(now.data, m.value_property) end as text
  from usage_event e
  join meter m on m.tenant_id = e.tenant_id and m.event_type = e.type
    and (m.archived_at is null or e.received_at < m.archived_at)
  left join lateral (
    select kind, data from usage_amendment a
    where a.tenant_id = e.tenant_id and a.source = e.source and a.event_id = e.id
    order by version desc limit 1
  ) amended on true
  cross join lateral (select coalesce(amended.data, e.data) as data) now
  where amended.kind is distinct from 'VOIDED'
    and case m.aggregation when 'COUNT' then true
      when 'UNIQUE' then usage_text(now.data, m.value_property) is not null
      else usage_number(now.data, m.value_property) is not null end;

-- Adds events, and what they come to, in one go. Gives the places of those that are new.
create function ingest_usage(
  sources text[], ids text[], types text[], subjects text[], times timestamptz[], datas jsonb[],
  hashes text[], moment timestamptz
) returns table (place bigint) language plpgsql set search_path from current as $$
#variable_conflict use_column
declare
  tenant text := current_setting('forge.tenant');
begin
  -- A meter that is being made, or an event that is being amended, counts what is here.
  perform pg_advisory_xact_lock_shared(hashtextextended('usage/' || tenant, 0));
  return query
  with incoming as (
    select * from unnest(sources, ids, types, subjects, times, datas, hashes)
      with ordinality e (source, id, type, subject, time, data, hash, n)
  ), fresh as (
    insert into usage_event
      (tenant_id, source, id, type, subject, time, data, content_hash, received_at)
    select tenant, source, id, type, subject, time, data, hash, moment
    from incoming order by source, id
    on conflict do nothing returning source, id, type, subject, time, data
  ), measured as (
    select m.id as meter_id, m.aggregation, date_trunc('hour', f.time, 'UTC') as hour, f.subject,
      usage_dims(f.data, m.group_by) as dims, f.time, f.source || ' ' || f.id as key,
      case when m.aggregation <> 'COUNT' then usage_number(f.data, m.value_property) end as value,
      case when m.aggregation = 'UNIQUE' then usage_text(f.data, m.value_property) end as text
    from fresh f
    join meter m on m.tenant_id = tenant and m.event_type = f.type and m.archived_at is null
  ), rolled as (
    insert into usage_bucket as b (tenant_id, meter_id, hour, subject, dims, events, total, moment,
      lowest, highest, latest, latest_time, latest_key)
    select tenant, meter_id, hour, subject, dims, count(*), coalesce(sum(value), 0),
      coalesce(sum(value * extract(epoch from time)) filter (where aggregation = 'WEIGHTED_SUM'), 0),
      min(value), max(value),
      (array_agg(value order by time desc, key desc))[1], max(time),
      (array_agg(key order by time desc, key desc))[1]
    from measured
    where aggregation = 'COUNT' or (aggregation <> 'UNIQUE' and value is not null)
    group by meter_id, hour, subject, dims order by meter_id, hour, subject, dims
    on conflict (tenant_id, meter_id, hour, subject, dims) do update set
      events = b.events + excluded.events,
      total = b.total + excluded.total,
      moment = b.moment + excluded.moment,
      lowest = least(b.lowest, excluded.lowest),
      highest = greatest(b.highest, excluded.highest),
      (latest, latest_time, latest_key) = (select l.* from (values
        (b.latest, b.latest_time, b.latest_key),
        (excluded.latest, excluded.latest_time, excluded.latest_key)) l (value, time, key)
        order by l.time desc, l.key desc limit 1)
  ), seen as (
    insert into usage_unique (tenant_id, meter_id, hour, subject, dims, value)
    select distinct tenant, meter_id, hour, subject, dims, text from measured
    where aggregation = 'UNIQUE' and text is not null order by 2, 3, 4, 5, 6
    on conflict do nothing
  )
  select i.n from incoming i join fresh f on f.source = i.source and f.id = i.id;
end $$;

-- Counts anew what events come to. Nobody may add events meanwhile.
create function recount_usage(meters text[], from_hour timestamptz, to_hour timestamptz, only_subject text)
  returns void language plpgsql set search_path from current as $$
declare
  tenant text := current_setting('forge.tenant');
begin
  delete from usage_bucket where tenant_id = tenant and meter_id = any (meters)
    and hour >= from_hour and hour < to_hour and subject = coalesce(only_subject, subject);
  delete from usage_unique where tenant_id = tenant and meter_id = any (meters)
    and hour >= from_hour and hour < to_hour and subject = coalesce(only_subject, subject);
  insert into usage_bucket (tenant_id, meter_id, hour, subject, dims, events, total, moment,
    lowest, highest, latest, latest_time, latest_key)
  select tenant, meter_id, date_trunc('hour', time, 'UTC') as hour, subject, dims, count(*),
    coalesce(sum(value), 0),
    coalesce(sum(value * extract(epoch from time)) filter (where aggregation = 'WEIGHTED_SUM'), 0),
    min(value), max(value),
    (array_agg(value order by time desc, source || ' ' || id collate "C" desc))[1], max(time),
    (array_agg(source || ' ' || id order by time desc, source || ' ' || id collate "C" desc))[1]
  from usage_measurement
  where tenant_id = tenant and meter_id = any (meters) and aggregation <> 'UNIQUE'
    and time >= from_hour and time < to_hour and subject = coalesce(only_subject, subject)
  group by meter_id, 3, subject, dims;
  insert into usage_unique (tenant_id, meter_id, hour, subject, dims, value)
  select distinct tenant, meter_id, date_trunc('hour', time, 'UTC'), subject, dims, text
  from usage_measurement
  where tenant_id = tenant and meter_id = any (meters) and aggregation = 'UNIQUE'
    and time >= from_hour and time < to_hour and subject = coalesce(only_subject, subject);
end $$;

-- What a meter counted from a moment up to another, by whole hours where they lie within.
create function usage_facts(of_meter text, from_time timestamptz, to_time timestamptz, hourly boolean)
  returns table (at timestamptz, subject text, dims jsonb, events bigint, total numeric,
    moment numeric, lowest numeric, highest numeric, latest numeric, latest_time timestamptz,
    latest_key text)
  language plpgsql stable set search_path from current as $$
#variable_conflict use_column
declare
  tenant text := current_setting('forge.tenant');
  first_hour timestamptz := date_trunc('hour', from_time + interval '1 hour - 1 microsecond', 'UTC');
  last_hour timestamptz := date_trunc('hour', to_time, 'UTC');
begin
  if not hourly or first_hour >= last_hour then
    first_hour := to_time;
    last_hour := to_time;
  end if;
  return query
    select hour, b.subject, b.dims, b.events, b.total, b.moment, b.lowest, b.highest, b.latest,
      b.latest_time, b.latest_key
    from usage_bucket b
    where tenant_id = tenant and meter_id = of_meter and hour >= first_hour and hour < last_hour;
  return query
    select m.time, m.subject, m.dims, 1::bigint, coalesce(m.value, 0),
      coalesce(m.value, 0) * extract(epoch from m.time), m.value, m.value, m.value, m.time,
      m.source || ' ' || m.id
    from usage_measurement m
    join (values (from_time, first_hour), (last_hour, to_time)) edge (begins, ends)
      on m.time >= edge.begins and m.time < edge.ends
    where m.tenant_id = tenant and m.meter_id = of_meter and m.aggregation <> 'UNIQUE';
end $$;

create function usage_values(of_meter text, from_time timestamptz, to_time timestamptz, hourly boolean)
  returns table (at timestamptz, subject text, dims jsonb, value text)
  language plpgsql stable set search_path from current as $$
#variable_conflict use_column
declare
  tenant text := current_setting('forge.tenant');
  first_hour timestamptz := date_trunc('hour', from_time + interval '1 hour - 1 microsecond', 'UTC');
  last_hour timestamptz := date_trunc('hour', to_time, 'UTC');
begin
  if not hourly or first_hour >= last_hour then
    first_hour := to_time;
    last_hour := to_time;
  end if;
  return query
    select hour, u.subject, u.dims, u.value from usage_unique u
    where tenant_id = tenant and meter_id = of_meter and hour >= first_hour and hour < last_hour;
  return query
    select m.time, m.subject, m.dims, m.text from usage_measurement m
    join (values (from_time, first_hour), (last_hour, to_time)) edge (begins, ends)
      on m.time >= edge.begins and m.time < edge.ends
    where m.tenant_id = tenant and m.meter_id = of_meter and m.aggregation = 'UNIQUE';
end $$;

-- billing: CreatePayments1764300000001

create table provider_account (
  id text primary key,
  tenant_id text not null,
  provider text not null check (provider in ('STRIPE')),
  mode text not null check (mode in ('LIVE', 'TEST')),
  status text not null check (status in ('PENDING', 'ACTIVE', 'RESTRICTED', 'REVOKED')),
  -- Null is the platform's own account.
  external_id text,
  created_at timestamptz not null,
  connected_at timestamptz,
  revoked_at timestamptz
);
create unique index provider_account_of_platform on provider_account (tenant_id, provider)
  where external_id is null and status = 'ACTIVE';
create unique index provider_account_external on provider_account (provider, external_id)
  where external_id is not null and status <> 'REVOKED';
create index provider_account_of_tenant on provider_account (tenant_id, id);

create table payment (
  id text primary key,
  tenant_id text not null,
  account_id text not null references provider_account (id),
  provider text not null,
  provider_reference text,
  charge_reference text,
  status text not null,
  status_reason text,
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  capturable_minor bigint not null default 0 check (capturable_minor >= 0),
  captured_minor bigint not null default 0,
  refunded_minor bigint not null default 0,
  refund_reserved_minor bigint not null default 0,
  disputed_minor bigint not null default 0 check (disputed_minor >= 0),
  settled_minor bigint not null default 0,
  fee_minor bigint not null default 0,
  posted_minor bigint not null default 0,
  capture_method text not null check (capture_method in ('AUTOMATIC', 'MANUAL')),
  description text,
  metadata jsonb not null,
  facts jsonb not null,
  is_refused boolean not null default false,
  version bigint not null default 0,
  created_by_type text not null,
  created_by_id text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint payment_money check (
    status = 'CONFLICTED' or (0 <= refunded_minor and refunded_minor <= captured_minor
      and captured_minor <= amount_minor)),
  constraint payment_reserved check (status = 'CONFLICTED' or refunded_minor <= refund_reserved_minor)
);
create index payment_of_tenant on payment (tenant_id, id);
create unique index payment_at_provider on payment (provider, account_id, provider_reference)
  where provider_reference is not null;

create table payment_operation (
  id text primary key,
  tenant_id text not null,
  client_key text,
  kind text not null,
  account_id text not null references provider_account (id),
  payment_id text references payment (id),
  refund_id text,
  dispute_id text,
  input jsonb not null,
  provider_key text not null check (length(provider_key) <= 45),
  state text not null check (state in ('WAITING', 'CALLED', 'UNKNOWN', 'DONE', 'REFUSED', 'FROZEN')),
  failure jsonb,
  calls integer not null default 0,
  created_at timestamptz not null,
  first_called_at timestamptz,
  answered_at timestamptz,
  unique (tenant_id, client_key)
);
create index payment_operation_of_payment on payment_operation (tenant_id, payment_id);
-- A payment is brought on by one at a time; refunds of it may be many.
create unique index payment_operation_under_way on payment_operation (tenant_id, payment_id)
  where state in ('WAITING', 'CALLED', 'UNKNOWN') and kind in ('CREATE', 'CONFIRM', 'CAPTURE', 'CANCEL');

create table payment_attempt (
  id text primary key,
  tenant_id text not null,
  payment_id text not null references payment (id),
  operation_id text not null unique references payment_operation (id),
  sequence integer not null check (sequence > 0),
  provider text not null,
  status text not null,
  failure jsonb,
  provider_reference text,
  started_at timestamptz not null,
  finished_at timestamptz,
  unique (tenant_id, payment_id, sequence)
);
create unique index payment_attempt_succeeded on payment_attempt (tenant_id, payment_id)
  where status = 'SUCCEEDED';

create table refund (
  id text primary key,
  tenant_id text not null,
  payment_id text not null references payment (id),
  provider_reference text,
  status text not null,
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null,
  reason text,
  failure_reason text,
  approval text not null check (approval in ('NOT_NEEDED', 'WAITING', 'APPROVED', 'REJECTED')),
  decided_by text,
  decided_at timestamptz,
  settlement_reference text,
  created_by_type text not null,
  created_by_id text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index refund_of_payment on refund (tenant_id, payment_id, id);
create unique index refund_at_provider on refund (tenant_id, payment_id, provider_reference)
  where provider_reference is not null;

create table dispute (
  id text primary key,
  tenant_id text not null,
  payment_id text not null references payment (id),
  provider_reference text not null,
  status text not null,
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null,
  reason text not null,
  evidence_due_by timestamptz,
  facts jsonb not null,
  withdrawn_minor bigint not null default 0 check (withdrawn_minor >= 0),
  fee_minor bigint not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (tenant_id, payment_id, provider_reference)
);

create table provider_event (
  tenant_id text not null,
  provider text not null,
  account text not null,
  event_id text not null,
  type text not null,
  status text not null check (status in ('RECEIVED', 'PARKED', 'APPLIED', 'IGNORED', 'DEAD')),
  body jsonb not null,
  attempts integer not null default 0,
  replays integer not null default 0,
  last_error text,
  created_at timestamptz not null,
  received_at timestamptz not null,
  applied_at timestamptz,
  primary key (tenant_id, provider, account, event_id)
);
-- '*' keeps what nobody's is known to be yet; from there it goes to its tenant, once.
create unique index provider_event_once on provider_event (provider, account, event_id)
  where tenant_id <> '*';
create index provider_event_received on provider_event (tenant_id, received_at);

create table payment_break (
  tenant_id text not null,
  payment_id text not null references payment (id),
  kind text not null,
  details text not null,
  opened_at timestamptz not null,
  resolved_at timestamptz,
  primary key (tenant_id, payment_id, kind, details)
);

create function check_payment_move() returns trigger language plpgsql as $$
begin
  if new.version not in (old.version, old.version + 1) then
    raise exception 'payment % goes from version % to %', old.id, old.version, new.version
      using errcode = 'check_violation';
  end if;
  if new.amount_minor <> old.amount_minor or new.currency <> old.currency
    or new.captured_minor < old.captured_minor then
    raise exception 'payment % cannot lose what it has', old.id using errcode = 'check_violation';
  end if;
  if new.status <> old.status and not (case old.status
    when 'PARTIALLY_CAPTURED' then new.status = 'SUCCEEDED'
    when 'CANCELED' then new.status = 'CONFLICTED'
    when 'EXPIRED' then new.status = 'CONFLICTED'
    when 'FAILED' then new.status = 'CONFLICTED'
    when 'SUCCEEDED' then false
    when 'CONFLICTED' then false
    else new.status <> 'CREATED' end) then
    raise exception 'payment % cannot go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger payment_moves before update on payment
  for each row execute function check_payment_move();

create function check_refund_move() returns trigger language plpgsql as $$
declare
  way text[] := array['REQUESTED', 'OUTCOME_UNKNOWN', 'UNRECOGNIZED', 'PENDING',
    'REQUIRES_ACTION', 'SUCCEEDED', 'CANCELED', 'FAILED'];
begin
  if array_position(way, new.status) < array_position(way, old.status)
    or new.amount_minor <> old.amount_minor then
    raise exception 'refund % cannot go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger refund_moves before update on refund
  for each row execute function check_refund_move();

create function check_operation_move() returns trigger language plpgsql as $$
begin
  if old.state in ('DONE', 'REFUSED') and new.state <> old.state
    or new.provider_key <> old.provider_key then
    raise exception 'operation % is answered', old.id using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger payment_operation_moves before update on payment_operation
  for each row execute function check_operation_move();


alter table provider_account enable row level security;
alter table provider_account force row level security;
create policy provider_account_of_tenant on provider_account
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy provider_account_across on provider_account for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on provider_account to %I', 'forge_' || current_schema() || '_across');
end $$;


alter table payment enable row level security;
alter table payment force row level security;
create policy payment_of_tenant on payment
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy payment_across on payment for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on payment to %I', 'forge_' || current_schema() || '_across');
end $$;


alter table payment_operation enable row level security;
alter table payment_operation force row level security;
create policy payment_operation_of_tenant on payment_operation
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table payment_attempt enable row level security;
alter table payment_attempt force row level security;
create policy payment_attempt_of_tenant on payment_attempt
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table refund enable row level security;
alter table refund force row level security;
create policy refund_of_tenant on refund
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table dispute enable row level security;
alter table dispute force row level security;
create policy dispute_of_tenant on dispute
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table provider_event enable row level security;
alter table provider_event force row level security;
create policy provider_event_of_tenant on provider_event
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table payment_break enable row level security;
alter table payment_break force row level security;
create policy payment_break_of_tenant on payment_break
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

-- billing: CreateInvoices1764200000003

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


alter table plan enable row level security;
alter table plan force row level security;
create policy plan_of_tenant on plan
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table plan_version enable row level security;
alter table plan_version force row level security;
create policy plan_version_of_tenant on plan_version
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table subscription enable row level security;
alter table subscription force row level security;
create policy subscription_of_tenant on subscription
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy subscription_across on subscription for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on subscription to %I', 'forge_' || current_schema() || '_across');
end $$;


alter table subscription_phase enable row level security;
alter table subscription_phase force row level security;
create policy subscription_phase_of_tenant on subscription_phase
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table tax_rate enable row level security;
alter table tax_rate force row level security;
create policy tax_rate_of_tenant on tax_rate
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table invoice_counter enable row level security;
alter table invoice_counter force row level security;
create policy invoice_counter_of_tenant on invoice_counter
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table invoice enable row level security;
alter table invoice force row level security;
create policy invoice_of_tenant on invoice
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy invoice_across on invoice for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on invoice to %I', 'forge_' || current_schema() || '_across');
end $$;


alter table invoice_line enable row level security;
alter table invoice_line force row level security;
create policy invoice_line_of_tenant on invoice_line
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

create schema verticals;
set search_path = verticals;

-- verticals: CreateKernelTables1764000000001

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

alter table event_stream enable row level security;
alter table event_stream force row level security;
create policy event_stream_of_tenant on event_stream
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy event_stream_across on event_stream for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on event_stream to %I', 'forge_' || current_schema() || '_across');
end $$;


alter table event enable row level security;
alter table event force row level security;
create policy event_of_tenant on event
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table idempotency enable row level security;
alter table idempotency force row level security;
create policy idempotency_of_tenant on idempotency
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy idempotency_across on idempotency for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on idempotency to %I', 'forge_' || current_schema() || '_across');
end $$;


create table workflow_start (
  id text primary key,
  tenant_id text not null,
  workflow text not null,
  input jsonb not null,
  created_at timestamptz not null default now()
);

alter table workflow_start enable row level security;
alter table workflow_start force row level security;
create policy workflow_start_of_tenant on workflow_start
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy workflow_start_across on workflow_start for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on workflow_start to %I', 'forge_' || current_schema() || '_across');
end $$;

create table workflow_signal (
  id bigint generated always as identity primary key,
  tenant_id text not null,
  run_id text not null,
  topic text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);

alter table workflow_signal enable row level security;
alter table workflow_signal force row level security;
create policy workflow_signal_of_tenant on workflow_signal
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy workflow_signal_across on workflow_signal for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on workflow_signal to %I', 'forge_' || current_schema() || '_across');
end $$;

create table workflow_step (
  tenant_id text not null,
  run_id text not null,
  name text not null,
  output jsonb,
  primary key (run_id, name)
);

alter table workflow_step enable row level security;
alter table workflow_step force row level security;
create policy workflow_step_of_tenant on workflow_step
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table data_key enable row level security;
alter table data_key force row level security;
create policy data_key_of_tenant on data_key
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

-- verticals: CreatePlaybookRuns1764000000101

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

alter table playbook_run enable row level security;
alter table playbook_run force row level security;
create policy playbook_run_of_tenant on playbook_run
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table run_step enable row level security;
alter table run_step force row level security;
create policy run_step_of_tenant on run_step
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table run_job enable row level security;
alter table run_job force row level security;
create policy run_job_of_tenant on run_job
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table approval enable row level security;
alter table approval force row level security;
create policy approval_of_tenant on approval
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table check_report enable row level security;
alter table check_report force row level security;
create policy check_report_of_tenant on check_report
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

create schema sandbox;
set search_path = sandbox;

-- sandbox: CreateKernelTables1764000000001

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

alter table event_stream enable row level security;
alter table event_stream force row level security;
create policy event_stream_of_tenant on event_stream
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy event_stream_across on event_stream for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on event_stream to %I', 'forge_' || current_schema() || '_across');
end $$;


alter table event enable row level security;
alter table event force row level security;
create policy event_of_tenant on event
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table idempotency enable row level security;
alter table idempotency force row level security;
create policy idempotency_of_tenant on idempotency
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy idempotency_across on idempotency for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on idempotency to %I', 'forge_' || current_schema() || '_across');
end $$;


create table workflow_start (
  id text primary key,
  tenant_id text not null,
  workflow text not null,
  input jsonb not null,
  created_at timestamptz not null default now()
);

alter table workflow_start enable row level security;
alter table workflow_start force row level security;
create policy workflow_start_of_tenant on workflow_start
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy workflow_start_across on workflow_start for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on workflow_start to %I', 'forge_' || current_schema() || '_across');
end $$;

create table workflow_signal (
  id bigint generated always as identity primary key,
  tenant_id text not null,
  run_id text not null,
  topic text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);

alter table workflow_signal enable row level security;
alter table workflow_signal force row level security;
create policy workflow_signal_of_tenant on workflow_signal
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy workflow_signal_across on workflow_signal for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on workflow_signal to %I', 'forge_' || current_schema() || '_across');
end $$;

create table workflow_step (
  tenant_id text not null,
  run_id text not null,
  name text not null,
  output jsonb,
  primary key (run_id, name)
);

alter table workflow_step enable row level security;
alter table workflow_step force row level security;
create policy workflow_step_of_tenant on workflow_step
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table data_key enable row level security;
alter table data_key force row level security;
create policy data_key_of_tenant on data_key
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

-- sandbox: CreateSandboxJobs1764000000201

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
  state text not null check (state in (
    'QUEUED', 'ADMITTED', 'CREATING', 'PULLING', 'RUNNING', 'COLLECTING', 'CANCELLING',
    'SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT')),
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
  check ((finished_at is not null) = (state in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT'))),
  check ((deadline_at is null) = (state in ('SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT'))),
  check (not ready or state = 'QUEUED')
);
create index job_by_state on job (tenant_id, state, id desc);
create index job_in_line on job (tenant_id, created_at, id) where ready;
create index job_queued on job (tenant_id, created_at, id) where state = 'QUEUED';
create index job_active on job (tenant_id) where state in ('ADMITTED', 'CREATING', 'PULLING', 'RUNNING', 'CANCELLING');
create index job_deadline on job (deadline_at) where deadline_at is not null;
create index job_kept on job (finished_at) where finished_at is not null and purged_at is null;

alter table job enable row level security;
alter table job force row level security;
create policy job_of_tenant on job
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy job_across on job for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on job to %I', 'forge_' || current_schema() || '_across');
end $$;


create table job_program (
  job_id text collate "C" primary key,
  tenant_id text not null,
  source text not null,
  args jsonb not null,
  env jsonb not null,
  foreign key (tenant_id, job_id) references job (tenant_id, id)
);

alter table job_program enable row level security;
alter table job_program force row level security;
create policy job_program_of_tenant on job_program
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table job_attempt enable row level security;
alter table job_attempt force row level security;
create policy job_attempt_of_tenant on job_attempt
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy job_attempt_across on job_attempt for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on job_attempt to %I', 'forge_' || current_schema() || '_across');
end $$;


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

alter table log_chunk enable row level security;
alter table log_chunk force row level security;
create policy log_chunk_of_tenant on log_chunk
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table artifact enable row level security;
alter table artifact force row level security;
create policy artifact_of_tenant on artifact
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


create table artifact_part (
  artifact_id text collate "C" not null
    references artifact (id) on delete cascade deferrable initially deferred,
  n integer not null,
  tenant_id text not null,
  content bytea not null,
  primary key (artifact_id, n)
);
alter table artifact_part alter column content set storage external;

alter table artifact_part enable row level security;
alter table artifact_part force row level security;
create policy artifact_part_of_tenant on artifact_part
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


create table artifact_refusal (
  job_id text collate "C" not null,
  attempt integer not null,
  path text collate "C" not null,
  tenant_id text not null,
  why text not null,
  primary key (job_id, attempt, path, why),
  foreign key (tenant_id, job_id) references job (tenant_id, id)
);

alter table artifact_refusal enable row level security;
alter table artifact_refusal force row level security;
create policy artifact_refusal_of_tenant on artifact_refusal
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


create table tenant_quota (
  tenant_id text primary key,
  concurrent_max integer not null check (concurrent_max >= 0),
  queued_max integer not null check (queued_max >= 0),
  cpu_millicores_max integer not null check (cpu_millicores_max >= 0),
  memory_mib_max integer not null check (memory_mib_max >= 0),
  weight double precision not null check (weight > 0)
);

alter table tenant_quota enable row level security;
alter table tenant_quota force row level security;
create policy tenant_quota_of_tenant on tenant_quota
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy tenant_quota_across on tenant_quota for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on tenant_quota to %I', 'forge_' || current_schema() || '_across');
end $$;

-- sandbox: StoreArtifactsOutside1764000000202

alter table artifact no force row level security;
delete from artifact;
alter table artifact force row level security;
drop table artifact_part;

create table artifact_content (
  artifact_id text collate "C" primary key,
  tenant_id text not null,
  job_id text collate "C" not null,
  attempt integer not null,
  kept boolean not null default false,
  removing boolean not null default false,
  created_at timestamptz not null,
  foreign key (tenant_id, job_id) references job (tenant_id, id),
  check (not (kept and removing))
);
create index artifact_content_for_nothing on artifact_content (created_at) where not kept;
create index artifact_content_of_job on artifact_content (job_id) where kept;

alter table artifact_content enable row level security;
alter table artifact_content force row level security;
create policy artifact_content_of_tenant on artifact_content
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy artifact_content_across on artifact_content for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on artifact_content to %I', 'forge_' || current_schema() || '_across');
end $$;

-- sandbox: AddSandboxRooms1764000000210

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

alter table tenant_room enable row level security;
alter table tenant_room force row level security;
create policy tenant_room_of_tenant on tenant_room
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy tenant_room_across on tenant_room for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on tenant_room to %I', 'forge_' || current_schema() || '_across');
end $$;


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

alter table cluster_probe enable row level security;
alter table cluster_probe force row level security;
create policy cluster_probe_of_tenant on cluster_probe
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy cluster_probe_across on cluster_probe for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on cluster_probe to %I', 'forge_' || current_schema() || '_across');
end $$;

create policy cluster_probe_is_told on cluster_probe for select using (true);

alter table job add column not_before timestamptz, add column postponed integer not null default 0;
alter table job_attempt add column security jsonb;

-- sandbox: UploadArtifacts1764000000220

create table artifact_upload (
  job_id text collate "C" not null,
  attempt integer not null,
  tenant_id text not null,
  manifest_sha256 text not null,
  created_at timestamptz not null,
  committed_at timestamptz,
  primary key (job_id, attempt),
  foreign key (tenant_id, job_id) references job (tenant_id, id)
);

alter table artifact_upload enable row level security;
alter table artifact_upload force row level security;
create policy artifact_upload_of_tenant on artifact_upload
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


create table artifact_upload_entry (
  job_id text collate "C" not null,
  attempt integer not null,
  n integer not null,
  tenant_id text not null,
  path text collate "C" not null,
  bytes bigint,
  sha256 text,
  artifact_id text collate "C",
  tries integer not null default 0,
  stored_at timestamptz,
  why text,
  message text,
  primary key (job_id, attempt, n),
  foreign key (job_id, attempt) references artifact_upload (job_id, attempt) on delete cascade,
  check ((why is null) = (message is null)),
  check (why is not null or (bytes is not null and sha256 is not null and artifact_id is not null)),
  check (stored_at is null or why is null)
);

alter table artifact_upload_entry enable row level security;
alter table artifact_upload_entry force row level security;
create policy artifact_upload_entry_of_tenant on artifact_upload_entry
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

create schema compliance;
set search_path = compliance;

-- compliance: CreateKernelTables1764000000001

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

alter table event_stream enable row level security;
alter table event_stream force row level security;
create policy event_stream_of_tenant on event_stream
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy event_stream_across on event_stream for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on event_stream to %I', 'forge_' || current_schema() || '_across');
end $$;


alter table event enable row level security;
alter table event force row level security;
create policy event_of_tenant on event
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table idempotency enable row level security;
alter table idempotency force row level security;
create policy idempotency_of_tenant on idempotency
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy idempotency_across on idempotency for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on idempotency to %I', 'forge_' || current_schema() || '_across');
end $$;


create table workflow_start (
  id text primary key,
  tenant_id text not null,
  workflow text not null,
  input jsonb not null,
  created_at timestamptz not null default now()
);

alter table workflow_start enable row level security;
alter table workflow_start force row level security;
create policy workflow_start_of_tenant on workflow_start
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy workflow_start_across on workflow_start for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on workflow_start to %I', 'forge_' || current_schema() || '_across');
end $$;

create table workflow_signal (
  id bigint generated always as identity primary key,
  tenant_id text not null,
  run_id text not null,
  topic text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);

alter table workflow_signal enable row level security;
alter table workflow_signal force row level security;
create policy workflow_signal_of_tenant on workflow_signal
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


do $$ begin
  execute format('create policy workflow_signal_across on workflow_signal for select to %I using (true)',
    'forge_' || current_schema() || '_across');
  execute format('grant select on workflow_signal to %I', 'forge_' || current_schema() || '_across');
end $$;

create table workflow_step (
  tenant_id text not null,
  run_id text not null,
  name text not null,
  output jsonb,
  primary key (run_id, name)
);

alter table workflow_step enable row level security;
alter table workflow_step force row level security;
create policy workflow_step_of_tenant on workflow_step
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


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

alter table data_key enable row level security;
alter table data_key force row level security;
create policy data_key_of_tenant on data_key
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

-- compliance: CreateAuditLog1764100000001

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


alter table audit_chain enable row level security;
alter table audit_chain force row level security;
create policy audit_chain_of_tenant on audit_chain
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));


alter table audit_entry enable row level security;
alter table audit_entry force row level security;
create policy audit_entry_of_tenant on audit_entry
  using (tenant_id = current_setting('forge.tenant', true))
  with check (tenant_id = current_setting('forge.tenant', true));

revoke update, delete, truncate on audit_entry from forge_compliance;
revoke delete, truncate on audit_chain from forge_compliance;
