import { sqlMigration, tenantTable } from '../../../shared/db.ts';

/**
 * Price lists, as data. A list of tenant '*' is for everyone; nothing that has
 * been published is changed: a new price is a new version.
 */
export const CreatePriceLists = sqlMigration(
  'CreatePriceLists1764100000002',
  `
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

  ${tenantTable('price_list')}
  create policy price_list_for_everyone on price_list for select using (tenant_id = '*');
  `,
);
