import type { Context } from '../../shared/context.ts';
import type { ConnectionArgs, ConnectionValue } from '../../shared/pagination.ts';
import { paginate } from '../../shared/pagination.ts';
import type { AuditEntryRow } from '../store/audit-log.ts';
import type { AuditFilter } from '../store/audit-pages.ts';
import { readEntries } from '../store/audit-pages.ts';
import { AuditEntry } from './audit-entry.ts';

interface AuditList {
  /** Names the list in its cursors, so that a cursor of one list is refused by another. */
  readonly list: string;
  readonly order: 'ASC' | 'DESC';
  readonly filter: AuditFilter;
  readonly page: ConnectionArgs;
}

/** A page of the tenant's log as a connection, in the order of the log. */
export function auditEntries(
  ctx: Context,
  { list, order, filter, page }: AuditList,
): Promise<ConnectionValue<AuditEntry>> {
  return paginate<AuditEntryRow, AuditEntry>(
    ctx,
    `${list}.${order}`,
    page,
    ({ limit, after }) =>
      ctx.db.tx((tx) =>
        readEntries(tx, filter, { order, limit, after: after && Number(after[0]) }),
      ),
    (row) => [row.sequence],
    (row) => AuditEntry.of(row),
  );
}
