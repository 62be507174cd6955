import type { Tx } from '../../../shared/db.ts';
import { newId } from '../../../shared/ids.ts';
import type { PlanTerms } from '../../domain/pricing/plan.ts';
import { PlanRow, PlanVersionRow } from './rows.ts';

/**
 * Adds a version of a plan, and the plan with its first. Two at once make two
 * versions, one after the other.
 */
export async function insertPlanVersion(
  tx: Tx,
  { slug, name, at }: { readonly slug: string; readonly name: string; readonly at: Date },
  terms: PlanTerms,
): Promise<PlanVersionRow> {
  const [plan]: { id: string }[] = await tx.query(
    `insert into plan (tenant_id, id, slug, name, created_at) values ($1, $2, $3, $4, $5)
     on conflict (tenant_id, slug) do update set name = excluded.name returning id`,
    [tx.tenant, newId('plan'), slug, name, at],
  );
  const planId = plan?.id ?? '';
  const version = (await latestVersion(tx, planId))?.version ?? 0;
  const row = tx.create(PlanVersionRow, {
    ...terms,
    charges: [...terms.charges],
    ...{ tenantId: tx.tenant, planId, version: version + 1, createdAt: at },
  });
  await tx.insert(PlanVersionRow, row);
  return row;
}

export async function findPlan(tx: Tx, id: string): Promise<PlanRow | null> {
  return tx.findOneBy(PlanRow, { tenantId: tx.tenant, id });
}

/** The version of a plan that new subscriptions get. */
export async function latestVersion(tx: Tx, planId: string): Promise<PlanVersionRow | null> {
  return tx.findOne(PlanVersionRow, {
    where: { tenantId: tx.tenant, planId },
    order: { version: 'DESC' },
  });
}

/** One page of the tenant's plans, the newest first. */
export async function listPlans(
  tx: Tx,
  { limit, beforeId }: { readonly limit: number; readonly beforeId: string | undefined },
): Promise<PlanRow[]> {
  const query = tx
    .createQueryBuilder(PlanRow, 'plan')
    .where('plan.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('plan.id', 'DESC')
    .limit(limit);
  if (beforeId !== undefined) query.andWhere('plan.id < :beforeId', { beforeId });
  return query.getMany();
}
