import type { AcrossTx, Tx } from '../../shared/db.ts';
import type { TenantInLine } from '../domain/fair-order.ts';
import { activeStates } from '../domain/job-state.ts';
import type { RoomState } from '../domain/room.ts';
import { isClosed } from '../domain/room.ts';
import type { Load, Quota } from '../domain/quota.ts';
import { defaultQuota, noLoad } from '../domain/quota.ts';
import { TenantQuotaRow } from './rows.ts';

/** Who is in line, of all tenants, and what runs altogether. */
export interface Line {
  readonly tenants: readonly TenantInLine[];
  readonly total: Load;
}

/**
 * Reads it: the next job of each tenant, found tenant by tenant however many
 * wait. Where programs need a room, nobody is in line whose own is not ready, and
 * nobody before its next job may be tried again: a job that waits for room keeps
 * its turn.
 */
export async function readLine(
  tx: AcrossTx,
  { areNeeded, at }: { readonly areNeeded: boolean; readonly at: Date },
): Promise<Line> {
  const loads = new Map(
    (
      await tx.query<LoadRow & { tenant_id: string }>(`${loadSql} group by tenant_id`, [
        activeStates,
      ])
    ).map((row) => [row.tenant_id, loadOf(row)]),
  );
  const heads = (await tx.query<HeadRow>(headsSql)).filter((head) => {
    if (head.not_before && head.not_before > at) return false;
    return areNeeded ? head.room_state === 'READY' : !isClosed(head.room_state ?? undefined);
  });
  return {
    tenants: heads.map((row) => ({
      tenant: row.tenant_id,
      next: {
        cpuMillicores: row.cpu_millicores,
        memoryMib: row.memory_mib,
        waitsSince: row.created_at,
      },
      load: loads.get(row.tenant_id) ?? noLoad,
      quota: quotaOf(row),
    })),
    total: [...loads.values()].reduce(together, noLoad),
  };
}

const loadSql = `select tenant_id, count(*)::int as jobs, sum(cpu_millicores)::int as cpu,
    sum(memory_mib)::int as memory from job where state = any($1)`;

const headsSql = `
  with recursive tenants as (
    (select tenant_id from job where ready order by tenant_id limit 1)
    union all
    select (select j.tenant_id from job j where j.ready and j.tenant_id > t.tenant_id
            order by j.tenant_id limit 1)
    from tenants t where t.tenant_id is not null
  )
  select head.*, q.concurrent_max, q.queued_max, q.cpu_millicores_max, q.memory_mib_max, q.weight,
    r.state as room_state
  from tenants t
  cross join lateral (
    select j.tenant_id, j.cpu_millicores, j.memory_mib, j.created_at, j.not_before
    from job j where j.ready and j.tenant_id = t.tenant_id order by j.created_at, j.id limit 1
  ) as head
  left join tenant_quota q on q.tenant_id = t.tenant_id
  left join tenant_room r on r.tenant_id = t.tenant_id
  where t.tenant_id is not null`;

interface LoadRow {
  readonly jobs: number;
  readonly cpu: number | null;
  readonly memory: number | null;
}

interface HeadRow {
  readonly tenant_id: string;
  readonly cpu_millicores: number;
  readonly memory_mib: number;
  readonly created_at: Date;
  readonly not_before: Date | null;
  readonly concurrent_max: number | null;
  readonly queued_max: number | null;
  readonly cpu_millicores_max: number | null;
  readonly memory_mib_max: number | null;
  readonly weight: number | null;
  readonly room_state: RoomState | null;
}

function quotaOf(row: HeadRow): Quota {
  return {
    concurrentMax: row.concurrent_max ?? defaultQuota.concurrentMax,
    queuedMax: row.queued_max ?? defaultQuota.queuedMax,
    cpuMillicoresMax: row.cpu_millicores_max ?? defaultQuota.cpuMillicoresMax,
    memoryMibMax: row.memory_mib_max ?? defaultQuota.memoryMibMax,
    weight: row.weight ?? defaultQuota.weight,
  };
}

function loadOf({ jobs, cpu, memory }: LoadRow): Load {
  return { jobs, cpuMillicores: cpu ?? 0, memoryMib: memory ?? 0 };
}

function together(a: Load, b: Load): Load {
  return {
    jobs: a.jobs + b.jobs,
    cpuMillicores: a.cpuMillicores + b.cpuMillicores,
    memoryMib: a.memoryMib + b.memoryMib,
  };
}

/** Has all who admit wait for one another until this transaction ends. */
export async function lockAdmission(tx: Tx): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('sandbox/admission', 0))`);
}

/** The tenant's next job, held. Undefined when it no longer waits. */
export async function lockNext(tx: Tx): Promise<string | undefined> {
  const [row]: { id: string }[] = await tx.query(
    `select id from job where tenant_id = $1 and ready
     order by created_at, id limit 1 for update`,
    [tx.tenant],
  );
  return row?.id;
}

export async function findQuota(tx: Tx): Promise<Quota> {
  return (await tx.findOneBy(TenantQuotaRow, { tenantId: tx.tenant })) ?? defaultQuota;
}

/** What the tenant's jobs take that have their turn. */
export async function readLoad(tx: Tx): Promise<Load> {
  const [row]: LoadRow[] = await tx.query(`${loadSql} and tenant_id = $2 group by tenant_id`, [
    activeStates,
    tx.tenant,
  ]);
  return row ? loadOf(row) : noLoad;
}

export async function countQueued(tx: Tx): Promise<number> {
  const [row]: { n: number }[] = await tx.query(
    `select count(*)::int as n from job where tenant_id = $1 and state = 'QUEUED'`,
    [tx.tenant],
  );
  return row?.n ?? 0;
}

/** Has the tenant's submits wait for one another until this transaction ends. */
export async function lockSubmits(tx: Tx): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `sandbox/submit/${tx.tenant}`,
  ]);
}

/** The place of each waiting job among the tenant's, from 1. */
export async function placesInLine(
  tx: Tx,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows: { id: string; place: string }[] = await tx.query(
    `select id, place from (
       select id, row_number() over (order by created_at, id) as place
       from job where tenant_id = $1 and state = 'QUEUED'
     ) as waiting where id = any($2)`,
    [tx.tenant, jobIds],
  );
  return new Map(rows.map(({ id, place }) => [id, Number(place)]));
}
