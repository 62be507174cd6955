import { audit } from '../../shared/audit.ts';
import type { Actor } from '../../shared/auth.ts';
import type { AcrossTx, Tx } from '../../shared/db.ts';
import type { RoomCare, RoomState } from '../domain/room.ts';
import { isClosed } from '../domain/room.ts';
import { lineTopic } from './facts.ts';
import { TenantRoomRow } from './rows.ts';

/** Woken when a room is wanted, or not wanted any more. */
export const roomTopic = 'sandbox/rooms';

/**
 * Says that the tenant has programs to run, and whether it may: not once it was
 * closed. Whoever closes it meanwhile waits until this transaction ends.
 */
export async function wantRoom(tx: Tx, at: Date): Promise<boolean> {
  const made: unknown[] = await tx.query(
    `insert into tenant_room (tenant_id, state, due_at) values ($1, 'PREPARING', $2)
     on conflict do nothing returning tenant_id`,
    [tx.tenant, at],
  );
  if (made.length > 0) tx.wakeAfterCommit(roomTopic);
  const [row]: { state: RoomState }[] = await tx.query(
    'select state from tenant_room where tenant_id = $1 for share',
    [tx.tenant],
  );
  return !isClosed(row?.state);
}

export function findRoom(tx: Tx): Promise<TenantRoomRow | null> {
  return tx.findOneBy(TenantRoomRow, { tenantId: tx.tenant });
}

/** A room of any tenant that somebody should look after. */
export interface RoomSeen {
  readonly tenant: string;
  readonly state: Exclude<RoomState, 'CLOSED'>;
  readonly failures: number;
}

const batchMax = 100;

/** Rooms whose time has come, and those that were made another way than now. */
export async function dueRooms(tx: AcrossTx, profile: string, at: Date): Promise<RoomSeen[]> {
  return tx.query<RoomSeen>(
    `select tenant_id as tenant, state, failures from tenant_room
     where state <> 'CLOSED' and (due_at <= $1 or (state = 'READY' and profile is distinct from $2))
     order by due_at limit $3`,
    [at, profile, batchMax],
  );
}

/** Tenants that are closing, with jobs that are not over. */
export async function closingTenants(tx: AcrossTx): Promise<string[]> {
  const rows = await tx.query<{ tenant_id: string }>(
    `select tenant_id from tenant_room where state = 'CLOSING' order by closed_at limit $1`,
    [batchMax],
  );
  return rows.map(({ tenant_id }) => tenant_id);
}

/** Writes down what came of looking after a room. One that was closed meanwhile stays closing. */
export async function recordCare(
  tx: Tx,
  { state, failures, problem, againMs }: RoomCare,
  profile: string,
  at: Date,
): Promise<void> {
  const dueAt = new Date(at.getTime() + againMs);
  await tx.query(
    `update tenant_room set state = $2, failures = $3, problem = $4, checked_at = $5, due_at = $6,
       profile = case when $2 = 'READY' and $3 = 0 then $7 else profile end
     where tenant_id = $1 and state in ('PREPARING', 'READY')`,
    [tx.tenant, state, failures, problem, at, dueAt, profile],
  );
  tx.wakeAfterCommit(lineTopic);
}

/**
 * Closes the tenant's sandbox for good: nothing more is queued, and whoever
 * sweeps ends what runs. Done twice it is done. The audit entry commits with it.
 */
export async function closeRoom(tx: Tx, why: string, by: Actor, at: Date): Promise<void> {
  await tx.query(
    `insert into tenant_room (tenant_id, state, due_at, closed_at) values ($1, 'CLOSING', $2, $2)
     on conflict (tenant_id) do update set state = 'CLOSING', due_at = $2, closed_at = $2, failures = 0
     where tenant_room.state in ('PREPARING', 'READY')`,
    [tx.tenant, at],
  );
  await audit(tx, {
    actor: by,
    action: 'sandbox.close-requested',
    target: { type: 'sandbox', id: tx.tenant },
    outcome: 'success',
    facts: why === '' ? {} : { reason: why },
    at,
  });
  tx.wakeAfterCommit(roomTopic);
}

/** Puts off the next look at a room that is closing. */
export async function closeLater(tx: Tx, failures: number, dueAt: Date): Promise<void> {
  await tx.query(
    `update tenant_room set failures = $2, due_at = $3 where tenant_id = $1 and state = 'CLOSING'`,
    [tx.tenant, failures, dueAt],
  );
}

/** Writes down that nothing is left of a room, once. */
export async function roomGone(tx: Tx, by: Actor, at: Date): Promise<void> {
  const [, affected]: [unknown, number] = await tx.query(
    `update tenant_room set state = 'CLOSED', problem = null, checked_at = $2
     where tenant_id = $1 and state = 'CLOSING'`,
    [tx.tenant, at],
  );
  if (affected !== 1) return;
  await audit(tx, {
    actor: by,
    action: 'sandbox.closed',
    target: { type: 'sandbox', id: tx.tenant },
    outcome: 'success',
    at,
  });
}

/** Jobs of the tenant that are not over, the oldest first. */
export async function liveJobs(tx: Tx): Promise<string[]> {
  const rows: { id: string }[] = await tx.query(
    `select id from job where tenant_id = $1 and finished_at is null order by id limit $2`,
    [tx.tenant, batchMax],
  );
  return rows.map(({ id }) => id);
}
