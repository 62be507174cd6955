import { sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * Usage events, what they add up to, and what was said of them later.
 *
 * An event is kept for ever under its source and id, which is what makes it count
 * once; what is wrong with it is an amendment beside it. Buckets of an hour are
 * kept up in the statement that adds the events, so that they are never behind.
 * Views and functions read values by one rule, that of the domain's `canMeasure`.
 */
export const CreateMetering = sqlMigration(
  'CreateMetering1764200000002',
  `
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

  ${tenantTable('meter')}
  ${tenantTable('usage_event')}
  ${tenantTable('usage_amendment')}
  ${tenantTable('usage_bucket')}
  ${tenantTable('usage_unique')}

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
  `,
);
