import type { Tx } from '../../../shared/db.ts';
import { ProviderEventRow } from './rows.ts';

export interface EventKey {
  readonly provider: ProviderEventRow['provider'];
  /** The account at the provider that the event is about; `platform` for our own. */
  readonly account: string;
  readonly eventId: string;
}

export interface NewProviderEvent extends EventKey {
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
  readonly receivedAt: Date;
}

/** Keeps an event. False when it is kept already, be it under whatever tenant. */
export async function keepEvent(tx: Tx, event: NewProviderEvent): Promise<boolean> {
  const { provider, account, eventId, type, body, createdAt, receivedAt } = event;
  const kept: unknown[] = await tx.query(
    `insert into provider_event
       (tenant_id, provider, account, event_id, type, status, body, created_at, received_at)
     values ($1, $2, $3, $4, $5, 'RECEIVED', $6, $7, $8)
     on conflict do nothing returning event_id`,
    [tx.tenant, provider, account, eventId, type, JSON.stringify(body), createdAt, receivedAt],
  );
  return kept.length > 0;
}

/** Holds an event's row, so that it is applied by one at a time. */
export function lockEvent(tx: Tx, key: EventKey): Promise<ProviderEventRow | null> {
  return tx.findOne(ProviderEventRow, {
    where: { tenantId: tx.tenant, ...key },
    lock: { mode: 'pessimistic_write' },
  });
}

export function findEvent(tx: Tx, key: EventKey): Promise<ProviderEventRow | null> {
  return tx.findOne(ProviderEventRow, { where: { tenantId: tx.tenant, ...key } });
}

export async function noteEvent(
  tx: Tx,
  { provider, account, eventId }: EventKey,
  changes: Partial<
    Pick<ProviderEventRow, 'status' | 'attempts' | 'replays' | 'lastError' | 'appliedAt'>
  >,
): Promise<void> {
  await tx.update(ProviderEventRow, { tenantId: tx.tenant, provider, account, eventId }, changes);
}

/** Forgets an event that has gone to its tenant. */
export async function dropEvent(tx: Tx, { provider, account, eventId }: EventKey): Promise<void> {
  await tx.delete(ProviderEventRow, { tenantId: tx.tenant, provider, account, eventId });
}

/** One page of what providers told about the tenant, the newest first. */
export function listEvents(
  tx: Tx,
  page: {
    readonly statuses?: readonly ProviderEventRow['status'][] | undefined;
    readonly limit: number;
    readonly before: { readonly receivedAt: Date; readonly eventId: string } | undefined;
  },
): Promise<ProviderEventRow[]> {
  const query = tx
    .createQueryBuilder(ProviderEventRow, 'event')
    .where('event.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('event.received_at', 'DESC')
    .addOrderBy('event.event_id', 'DESC')
    .limit(page.limit);
  if (page.statuses) query.andWhere('event.status = any(:statuses)', { statuses: page.statuses });
  if (page.before) {
    query.andWhere('(event.received_at, event.event_id) < (:receivedAt, :eventId)', page.before);
  }
  return query.getMany();
}
