import { acrossTenants, sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * Payments, what is asked of providers about them, and what providers tell.
 *
 * The rules that no program may break are the database's: a key of a tenant is
 * one operation, a provider's event is kept once, one attempt of a payment
 * succeeds, money that was captured bounds what goes back, versions grow by one,
 * and a state changes only as its machine allows.
 */
export const CreatePayments = sqlMigration(
  'CreatePayments1764300000001',
  `
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

  ${tenantTable('provider_account')}
  ${acrossTenants('provider_account')}
  ${tenantTable('payment')}
  ${acrossTenants('payment')}
  ${tenantTable('payment_operation')}
  ${tenantTable('payment_attempt')}
  ${tenantTable('refund')}
  ${tenantTable('dispute')}
  ${tenantTable('provider_event')}
  ${tenantTable('payment_break')}
  `,
);
