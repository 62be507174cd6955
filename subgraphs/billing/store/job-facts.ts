import type { Tx } from '../../shared/db.ts';
import type { JobFacts } from '../domain/job-cost.ts';

/** What is on record about a job, and the price list its latest hold was priced by. */
export type JobRecord = JobFacts & { readonly pricedBy: number | undefined };

/**
 * Reads what billing knows of each job, in one query for all of them. A job
 * it knows nothing of, be it missing or another tenant's, is not in the map.
 */
export async function readJobFacts(
  tx: Tx,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, JobRecord>> {
  const rows: Record<string, string | null>[] = await tx.query(
    `select job_id,
       coalesce(sum(c.amount_minor), 0) as charged_minor,
       coalesce(sum(u.wall_ms), 0) as charged_ms,
       count(c.attempt) as charged_attempts,
       coalesce(sum(h.amount_minor) filter (where h.state = 'placed'), 0) as held_minor,
       count(*) filter (where h.state = 'placed') as open_holds,
       (array_agg(h.price_list_version order by h.attempt desc)
         filter (where h.price_list_version is not null))[1] as priced_by
     from credit_hold h
     left join charge c using (tenant_id, job_id, attempt)
     left join usage_fact u using (tenant_id, job_id, attempt)
     where tenant_id = $1 and job_id = any($2)
     group by job_id`,
    [tx.tenant, jobIds],
  );
  return new Map(rows.map((row) => [String(row['job_id']), toRecord(row)]));
}

function toRecord(row: Record<string, string | null>): JobRecord {
  return {
    chargedMinor: Number(row['charged_minor']),
    chargedMs: Number(row['charged_ms']),
    chargedAttempts: Number(row['charged_attempts']),
    heldMinor: Number(row['held_minor']),
    openHolds: Number(row['open_holds']),
    pricedBy: row['priced_by'] === null ? undefined : Number(row['priced_by']),
  };
}
