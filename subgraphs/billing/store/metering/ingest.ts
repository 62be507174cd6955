import { createHash } from 'node:crypto';
import { auditAll } from '../../../shared/audit.ts';
import type { Actor } from '../../../shared/auth.ts';
import type { Tx } from '../../../shared/db.ts';
import { stableJson } from '../../../shared/json.ts';
import type { UsageEvent } from '../../domain/metering/cloud-event.ts';
import { readCloudEvent } from '../../domain/metering/cloud-event.ts';
import { canMeasure } from '../../domain/metering/meter.ts';
import { metersOfTypes } from './meters.ts';

/** The most events that are taken at once. */
export const batchMax = 1_000;

export const ingestStatuses = ['ACCEPTED', 'DUPLICATE', 'CONFLICT', 'REJECTED'] as const;
export type IngestStatus = (typeof ingestStatuses)[number];

/**
 * What became of an event. DUPLICATE: the same is here already, and counts once.
 * CONFLICT: another event has its source and id; that one stays. REJECTED: it
 * cannot be counted, for the reason that is given.
 */
export interface IngestResult {
  readonly status: IngestStatus;
  readonly source: string | null;
  readonly id: string | null;
  readonly reason: string | null;
}

export interface Ingestion {
  readonly events: readonly unknown[];
  readonly actor: Actor;
  readonly at: Date;
}

/**
 * Takes a batch of CloudEvents, and gives what became of each, in their order.
 *
 * Events and what they add up to commit together. An event counts once for ever,
 * by its source and id within the tenant, whatever is sent again, by how many,
 * at once or later, in whatever order. One that contradicts an earlier one is
 * left in the audit log for a person to look at.
 */
export async function ingestUsage(tx: Tx, batch: Ingestion): Promise<readonly IngestResult[]> {
  const read = batch.events.map((one) => readCloudEvent(one, batch.at));
  const types = new Set(read.flatMap((one) => (one.kind === 'event' ? [one.event.type] : [])));
  const meters = await metersOfTypes(tx, [...types]);
  const results: (IngestResult | undefined)[] = [];
  const firsts = new Map<string, { readonly hash: string; readonly event: UsageEvent }>();
  const later: { readonly index: number; readonly key: string; readonly hash: string }[] = [];

  read.forEach((one, index) => {
    if (one.kind === 'rejected') {
      results[index] = { status: 'REJECTED', ...named(batch.events[index]), reason: one.reason };
      return;
    }
    const { event } = one;
    const blind = meters.find(
      (meter) => meter.eventType === event.type && !canMeasure(meter, event),
    );
    if (blind) {
      const reason = `The meter "${blind.slug}" finds no value in "${blind.valueProperty ?? ''}".`;
      results[index] = { status: 'REJECTED', source: event.source, id: event.id, reason };
      return;
    }
    const key = keyOf(event);
    const hash = contentHash(event, batch.events[index]);
    if (!firsts.has(key)) firsts.set(key, { hash, event });
    later.push({ index, key, hash });
  });

  const fresh = await insertEvents(tx, [...firsts.values()], batch.at);
  const kept = await hashesOf(
    tx,
    [...firsts].filter(([key]) => !fresh.has(key)).map(([, one]) => one.event),
  );
  for (const { index, key, hash } of later) {
    const { event } = firsts.get(key) ?? {};
    const first = kept.get(key) ?? firsts.get(key)?.hash;
    const status = fresh.delete(key) ? 'ACCEPTED' : first === hash ? 'DUPLICATE' : 'CONFLICT';
    const reason = status === 'CONFLICT' ? 'Another event has this source and id.' : null;
    results[index] = { status, source: event?.source ?? null, id: event?.id ?? null, reason };
  }
  const all = results.filter((result) => result !== undefined);
  await tellConflicts(tx, all, batch);
  for (const meter of meters) tx.wakeAfterCommit(usageTopic(tx.tenant, meter.id));
  return all;
}

/** What wakes those who watch a meter. */
export function usageTopic(tenant: string, meterId: string): string {
  return `usage/${tenant}/${meterId}`;
}

interface Incoming {
  readonly event: UsageEvent;
  readonly hash: string;
}

/** Gives the keys of the events that are new. */
async function insertEvents(tx: Tx, incoming: readonly Incoming[], at: Date): Promise<Set<string>> {
  if (incoming.length === 0) return new Set();
  const events = incoming.map(({ event }) => event);
  const rows: { place: string }[] = await tx.query(
    'select place from ingest_usage($1, $2, $3, $4, $5, $6, $7, $8)',
    [
      events.map(({ source }) => source),
      events.map(({ id }) => id),
      events.map(({ type }) => type),
      events.map(({ subject }) => subject),
      events.map(({ time }) => time),
      events.map(({ data }) => JSON.stringify(data)),
      incoming.map(({ hash }) => hash),
      at,
    ],
  );
  return new Set(
    rows.flatMap(({ place }) => {
      const event = events[Number(place) - 1];
      return event ? [keyOf(event)] : [];
    }),
  );
}

/** What was sent first under these names. */
async function hashesOf(
  tx: Tx,
  events: readonly UsageEvent[],
): Promise<ReadonlyMap<string, string>> {
  if (events.length === 0) return new Map();
  const rows: { source: string; id: string; content_hash: string }[] = await tx.query(
    `select source, id, content_hash from usage_event
     where tenant_id = $1 and (source, id) in (select * from unnest($2::text[], $3::text[]))`,
    [tx.tenant, events.map(({ source }) => source), events.map(({ id }) => id)],
  );
  return new Map(rows.map((row) => [keyOf(row), row.content_hash]));
}

async function tellConflicts(
  tx: Tx,
  results: readonly IngestResult[],
  { actor, at }: Ingestion,
): Promise<void> {
  const conflicts = results.filter(({ status }) => status === 'CONFLICT');
  await auditAll(
    tx,
    conflicts.map(({ source, id }) => ({
      actor,
      action: 'usage.contradicted',
      target: { type: 'usage-event', id: id ?? '' },
      outcome: 'failure' as const,
      facts: { source },
      at,
    })),
  );
}

/** Two names never make one key: a length stands before the first. */
function keyOf({ source, id }: Pick<UsageEvent, 'source' | 'id'>): string {
  return `${String(source.length)}/${source}/${id}`;
}

/** Of what its producer said: an event without a time is the same whenever it comes. */
function contentHash({ time, ...event }: UsageEvent, sent: unknown): string {
  const told = (sent as { readonly time?: unknown }).time === undefined ? null : time.toISOString();
  return createHash('sha256')
    .update(stableJson({ ...event, time: told }))
    .digest('base64');
}

function named(value: unknown): { source: string | null; id: string | null } {
  const { source, id } = (value ?? {}) as { readonly source?: unknown; readonly id?: unknown };
  const text = (one: unknown): string | null =>
    typeof one === 'string' ? one.slice(0, 256) : null;
  return { source: text(source), id: text(id) };
}
