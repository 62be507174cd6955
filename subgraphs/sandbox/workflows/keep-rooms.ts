import type { Chore, WorkerContext } from '../../shared/host.ts';
import type { RoomOutcome } from '../domain/room.ts';
import { decideCare } from '../domain/room.ts';
import type { RoomKeeper } from '../providers/rooms.ts';
import type { RoomSeen } from '../store/rooms.ts';
import { closeLater, dueRooms, liveJobs, recordCare, roomGone, roomTopic } from '../store/rooms.ts';
import type { SandboxDeps } from './deps.ts';
import { isNoAnswer, sandboxActor } from './flow.ts';

/**
 * Makes the rooms of tenants that have programs to run, looks after each again
 * and again, and removes those of tenants that were closed, once nothing of
 * theirs runs.
 *
 * | a crash | after it |
 * |---|---|
 * | before or while a room is made | it is due still: what is there is left, what is missing is made |
 * | after it is made, before that is recorded | it is found whole |
 * | after it was asked to go | it is asked again; one that is gone is gone |
 */
export const keepRooms: Chore<SandboxDeps> = {
  name: 'keep-rooms',
  everyMs: 2_000,
  wakeTopic: roomTopic,
  async run(work) {
    const { db, deps, log, signal } = work;
    const { keeper } = deps.rooms;
    if (!keeper) return;
    const due = await db.across((tx) => dueRooms(tx, keeper.profile, deps.clock.now()));
    for (const room of due) {
      if (signal.aborted) return;
      try {
        await (room.state === 'CLOSING' ? close(work, keeper, room) : keep(work, keeper, room));
      } catch (err) {
        signal.throwIfAborted();
        log.error({ err, tenant: room.tenant }, 'a room could not be looked after');
      }
    }
  },
};

async function keep(
  work: WorkerContext<SandboxDeps>,
  keeper: RoomKeeper,
  { tenant, state, failures }: RoomSeen,
): Promise<void> {
  const { db, deps, log } = work;
  if (state === 'CLOSING') return;
  const outcome = await careFor(work, keeper, tenant);
  const care = decideCare({ state, failures }, outcome);
  if (care.problem !== null) log.warn({ tenant, ...care }, 'a room is not as it must be');
  await db.tx(tenant, (tx) => recordCare(tx, care, keeper.profile, deps.clock.now()));
}

async function careFor(
  { log, signal }: WorkerContext<SandboxDeps>,
  keeper: RoomKeeper,
  tenant: string,
): Promise<RoomOutcome> {
  try {
    const answer = await keeper.keep(tenant, { signal });
    if (answer.kind === 'refused') return answer;
    if (answer.mended.length > 0) log.info({ tenant, mended: answer.mended }, 'a room was mended');
    return { kind: 'ready', profile: keeper.profile };
  } catch (err) {
    if (signal.aborted || !isNoAnswer(err)) throw err;
    log.warn({ err, tenant }, 'a room cannot be seen at the moment');
    return { kind: 'no-answer', message: err instanceof Error ? err.message : String(err) };
  }
}

const closeAgainMs = 1_000;
const closeAgainMsMax = 60_000;

async function close(
  work: WorkerContext<SandboxDeps>,
  keeper: RoomKeeper,
  { tenant, failures }: RoomSeen,
): Promise<void> {
  const { db, deps } = work;
  const isGone =
    (await db.tx(tenant, liveJobs)).length === 0 && (await remove(work, keeper, tenant));
  const at = deps.clock.now();
  if (isGone) {
    await db.tx(tenant, (tx) => roomGone(tx, sandboxActor, at));
    return;
  }
  const againMs = Math.min(closeAgainMsMax, closeAgainMs * 2 ** Math.min(failures, 20));
  const dueAt = new Date(at.getTime() + againMs);
  await db.tx(tenant, (tx) => closeLater(tx, failures + 1, dueAt));
}

async function remove(
  { log, signal }: WorkerContext<SandboxDeps>,
  keeper: RoomKeeper,
  tenant: string,
): Promise<boolean> {
  try {
    return (await keeper.remove(tenant, { signal })) === 'gone';
  } catch (err) {
    if (signal.aborted || !isNoAnswer(err)) throw err;
    log.warn({ err, tenant }, 'a room could not be removed: it is tried again');
    return false;
  }
}
