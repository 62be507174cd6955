import type { Context } from '../../shared/context.ts';
import { defineLoader } from '../../shared/loaders.ts';
import type { Load, Quota } from '../domain/quota.ts';
import type { RoomState } from '../domain/room.ts';
import { findArtifacts } from '../store/artifacts.ts';
import { attemptsOf } from '../store/attempts.ts';
import { findJobs, findPrograms } from '../store/jobs.ts';
import type { NumberedLine } from '../store/logs.ts';
import { chunkKey, readChunks } from '../store/logs.ts';
import { findQuota, placesInLine, readLoad } from '../store/queue.ts';
import { findRoom } from '../store/rooms.ts';
import type { ArtifactRow, AttemptRow, JobProgramRow, JobRow } from '../store/rows.ts';

/** One query per request and kind, however many rows ask. */
export const jobById = defineLoader<string, JobRow>('job', async (ctx: Context, ids) =>
  one(await ctx.db.tx((tx) => findJobs(tx, ids)), (row) => row.id),
);

export const programByJob = defineLoader<string, JobProgramRow>('job-program', async (ctx, ids) =>
  one(await ctx.db.tx((tx) => findPrograms(tx, ids)), (row) => row.jobId),
);

export const attemptsByJob = defineLoader<string, AttemptRow[]>('job-attempts', async (ctx, ids) =>
  many(await ctx.db.tx((tx) => attemptsOf(tx, ids)), (row) => row.jobId),
);

export const artifactById = defineLoader<string, ArtifactRow>('artifact', async (ctx, ids) =>
  one(await ctx.db.tx((tx) => findArtifacts(tx, ids)), (row) => row.id),
);

export const placeByJob = defineLoader<string, number>('job-place', (ctx, ids) =>
  ctx.db.tx((tx) => placesInLine(tx, ids)),
);

/** The lines of a chunk, by `chunkKey`. */
export const linesByChunk = defineLoader<string, readonly NumberedLine[]>(
  'log-chunk',
  (ctx, keys) =>
    ctx.db.tx((tx) =>
      readChunks(
        tx,
        keys.map((key) => {
          const [jobId = '', last = ''] = key.split('/');
          return { jobId, last: Number(last) };
        }),
      ),
    ),
);

export { chunkKey };

export interface Room {
  readonly place: RoomState | undefined;
  readonly quota: Quota;
  readonly load: Load;
}

/** The tenant's place, its quota and what it has in use; the one key is `tenant`. */
export const roomOfTenant = defineLoader<'tenant', Room>('tenant-room', async (ctx) => {
  const room = await ctx.db.tx(async (tx) => ({
    place: (await findRoom(tx))?.state,
    quota: await findQuota(tx),
    load: await readLoad(tx),
  }));
  return new Map([['tenant', room]]);
});

function one<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row> {
  return new Map(rows.map((row) => [keyOf(row), row]));
}

function many<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}
