import type { SelectQueryBuilder } from 'typeorm';
import type { Tx } from '../../shared/db.ts';
import type { AuditOutcome } from '../domain/audit-entry.ts';
import { AuditEntryRow } from './audit-log.ts';

/** Which entries are asked for; every part that is given must hold. Names are the row's. */
export interface AuditFilter {
  readonly action?: string;
  readonly actorType?: string;
  readonly actorId?: string;
  readonly targetType?: string;
  readonly targetId?: string;
  readonly outcome?: AuditOutcome;
  readonly from?: Date;
  readonly to?: Date;
}

/** A page of a tenant's log. `after` is the sequence of the last entry already seen. */
export interface AuditPage {
  readonly order: 'ASC' | 'DESC';
  readonly limit: number;
  readonly after: number | undefined;
}

/** Reads a page of the log in its own order. Entries that are added meanwhile move no other. */
export function readEntries(
  tx: Tx,
  filter: AuditFilter,
  page: AuditPage,
): Promise<AuditEntryRow[]> {
  const query = tx
    .createQueryBuilder(AuditEntryRow, 'entry')
    .where('entry.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('entry.sequence', page.order)
    .limit(page.limit);
  if (page.after !== undefined) {
    const past = page.order === 'ASC' ? '>' : '<';
    query.andWhere(`entry.sequence ${past} :after`, { after: page.after });
  }
  return narrowed(query, filter).getMany();
}

function narrowed(
  query: SelectQueryBuilder<AuditEntryRow>,
  filter: AuditFilter,
): SelectQueryBuilder<AuditEntryRow> {
  const { from, to, ...exact } = filter;
  for (const [name, value] of Object.entries(exact)) {
    query.andWhere(`entry.${name} = :${name}`, { [name]: value });
  }
  if (from) query.andWhere('entry.at >= :from', { from });
  if (to) query.andWhere('entry.at < :to', { to });
  return query;
}
