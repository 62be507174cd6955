import type { Actor } from '../../../shared/auth.ts';
import { audit } from '../../../shared/audit.ts';
import type { Tx } from '../../../shared/db.ts';
import type { EventData } from '../../domain/metering/cloud-event.ts';
import { usageTopic } from './ingest.ts';
import { holdUsage } from './lock.ts';
import { metersOfTypes } from './meters.ts';
import { UsageAmendmentRow, UsageEventRow } from './rows.ts';

export interface Amendment {
  readonly source: string;
  readonly id: string;
  /** What it should have said; null when it should not have been sent. */
  readonly data: EventData | null;
  readonly reason: string;
  readonly actor: Actor;
  readonly at: Date;
}

/**
 * Says of an event that it should have been another, or none. The event stays as
 * it was sent; what it adds up to is counted anew, as if it had been so from the
 * start. False when there is no such event.
 */
export async function amendUsage(tx: Tx, amendment: Amendment): Promise<boolean> {
  const { source, id, data, reason, actor, at } = amendment;
  await holdUsage(tx);
  const event = await findEvent(tx, source, id);
  if (!event) return false;
  const kind = data === null ? 'VOIDED' : 'CORRECTED';
  await tx.query(
    `insert into usage_amendment (tenant_id, source, event_id, version, kind, data, reason, actor, at)
     select $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5, $6, $7, $8
     from usage_amendment where tenant_id = $1 and source = $2 and event_id = $3`,
    [tx.tenant, source, id, kind, data && JSON.stringify(data), reason, JSON.stringify(actor), at],
  );
  const meters = await metersOfTypes(tx, [event.type]);
  await tx.query(
    `select recount_usage($1, date_trunc('hour', $2::timestamptz, 'UTC'),
       date_trunc('hour', $2::timestamptz, 'UTC') + interval '1 hour', $3)`,
    [meters.map((meter) => meter.id), event.time, event.subject],
  );
  for (const meter of meters) tx.wakeAfterCommit(usageTopic(tx.tenant, meter.id));
  await audit(tx, {
    actor,
    action: kind === 'VOIDED' ? 'usage.voided' : 'usage.corrected',
    target: { type: 'usage-event', id },
    outcome: 'success',
    facts: { source, reason },
    at,
  });
  return true;
}

export async function findEvent(tx: Tx, source: string, id: string): Promise<UsageEventRow | null> {
  return tx.findOneBy(UsageEventRow, { tenantId: tx.tenant, source, id });
}

/** What was said of events later, the last word of each. */
export async function lastAmendments(
  tx: Tx,
  events: readonly Pick<UsageEventRow, 'source' | 'id'>[],
): Promise<UsageAmendmentRow[]> {
  return tx
    .createQueryBuilder(UsageAmendmentRow, 'a')
    .distinctOn(['a.source', 'a.event_id'])
    .where('a.tenant_id = :tenant', { tenant: tx.tenant })
    .andWhere('(a.source, a.event_id) in (select * from unnest(:sources::text[], :ids::text[]))', {
      sources: events.map(({ source }) => source),
      ids: events.map(({ id }) => id),
    })
    .orderBy({ 'a.source': 'ASC', 'a.event_id': 'ASC', 'a.version': 'DESC' })
    .getMany();
}

export interface EventPage {
  readonly type?: string | undefined;
  readonly subject?: string | undefined;
  readonly limit: number;
  readonly after: readonly [time: string, source: string, id: string] | undefined;
}

/** One page of the tenant's usage events, the latest first. */
export async function listEvents(tx: Tx, page: EventPage): Promise<UsageEventRow[]> {
  const query = tx
    .createQueryBuilder(UsageEventRow, 'e')
    .where('e.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy({ 'e.time': 'DESC', 'e.source': 'DESC', 'e.id': 'DESC' })
    .limit(page.limit);
  const { type, subject, after } = page;
  if (type !== undefined) query.andWhere('e.type = :type', { type });
  if (subject !== undefined) query.andWhere('e.subject = :subject', { subject });
  if (after) {
    const [time, source, id] = after;
    query.andWhere('(e.time, e.source, e.id) < (:time::timestamptz, :source, :id)', {
      time,
      source,
      id,
    });
  }
  return query.getMany();
}
