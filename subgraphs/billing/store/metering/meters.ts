import { In, IsNull } from 'typeorm';
import type { Tx } from '../../../shared/db.ts';
import { newId } from '../../../shared/ids.ts';
import type { MeterDraft } from '../../domain/metering/meter.ts';
import { holdUsage } from './lock.ts';
import { MeterRow } from './rows.ts';

/**
 * Makes a meter, which also counts the events of its type that came before it.
 * Null when another meter in use has the slug.
 */
export async function insertMeter(tx: Tx, draft: MeterDraft, at: Date): Promise<MeterRow | null> {
  await holdUsage(tx);
  const taken = await tx.findOneBy(MeterRow, {
    tenantId: tx.tenant,
    slug: draft.slug,
    archivedAt: IsNull(),
  });
  if (taken) return null;
  const meter = tx.create(MeterRow, {
    ...draft,
    groupBy: [...draft.groupBy],
    tenantId: tx.tenant,
    id: newId('meter'),
    createdAt: at,
    archivedAt: null,
  });
  await tx.insert(MeterRow, meter);
  await tx.query(`select recount_usage($1, '-infinity', 'infinity', null)`, [[meter.id]]);
  return meter;
}

/** Ends a meter: what it has counted stays, and no event is counted by it any more. */
export async function archiveMeter(tx: Tx, id: string, at: Date): Promise<MeterRow | null> {
  await holdUsage(tx);
  const meter = await findMeter(tx, id);
  if (!meter || meter.archivedAt) return meter;
  await tx.update(MeterRow, { tenantId: tx.tenant, id }, { archivedAt: at });
  return findMeter(tx, id);
}

export async function findMeter(tx: Tx, id: string): Promise<MeterRow | null> {
  return tx.findOneBy(MeterRow, { tenantId: tx.tenant, id });
}

/** The meters in use that count events of these types. */
export async function metersOfTypes(tx: Tx, types: readonly string[]): Promise<MeterRow[]> {
  return tx.findBy(MeterRow, {
    tenantId: tx.tenant,
    eventType: In([...types]),
    archivedAt: IsNull(),
  });
}

/** One page of the tenant's meters, the newest first, those that were archived too. */
export async function listMeters(
  tx: Tx,
  { limit, beforeId }: { readonly limit: number; readonly beforeId: string | undefined },
): Promise<MeterRow[]> {
  const query = tx
    .createQueryBuilder(MeterRow, 'meter')
    .where('meter.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('meter.id', 'DESC')
    .limit(limit);
  if (beforeId !== undefined) query.andWhere('meter.id < :beforeId', { beforeId });
  return query.getMany();
}
