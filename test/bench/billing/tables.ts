import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Pool } from 'pg';
import { startPostgres } from '../../../infra/embedded/postgres.ts';
import { billing } from '../../../subgraphs/billing/index.ts';
import { migrate } from '../../../subgraphs/shared/db.ts';
import type { Database } from '../../../subgraphs/shared/db.ts';
import { openSubgraphDatabase } from '../../../subgraphs/shared/host.ts';
import { createLog } from '../../../subgraphs/shared/log.ts';
import { kernelTables } from '../../../subgraphs/shared/tables.ts';
import { systemClock } from '../../../subgraphs/shared/time.ts';
import { cpuMs } from '../gateway/processes.ts';

/** How many work at once, be it on our tables or on the bare ones. */
export const clients = 8;

/** Billing's tables on a durable Postgres of their own, and a pool for what knows nothing of billing. */
export interface Tables {
  readonly db: Database;
  readonly bare: Pool;
  remove(): Promise<void>;
}

export async function openTables(): Promise<Tables> {
  const dataDir = await mkdtemp(join(tmpdir(), 'forge-bench-'));
  const log = createLog({ level: 'error' });
  const server = await startPostgres({ dataDir, log });
  const subgraph = billing({} as never, { clock: systemClock } as never);
  await migrate(server.url, [subgraph], kernelTables);
  const db = await openSubgraphDatabase(subgraph, { url: server.url, poolMax: clients, log });
  const bare = new Pool({ connectionString: server.url, max: clients, idleTimeoutMillis: 0 });
  // The server ends last, and may end a connection before the pool has.
  bare.on('error', () => undefined);
  await bare.query('create schema if not exists bare');
  return {
    db,
    bare,
    async remove() {
      await Promise.all([db.close(), bare.end()]);
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Tables that were empty a moment ago are no measure of tables in use. */
const warmUpRounds = 200;

export interface Rate {
  readonly perSecond: number;
  /** Of this process and of Postgres together: what others do on the machine changes it little. */
  readonly perCpuSecond: number;
}

/** How many are done in a second, by clients that each do one after another. */
export async function rate(
  seconds: number,
  work: (client: number, round: number) => Promise<number>,
): Promise<Rate> {
  for (let round = 0; round < warmUpRounds; round += 1) await work(0, -1 - round);
  const cpuBefore = await cpuMs(process.pid);
  const begun = performance.now();
  const until = begun + seconds * 1_000;
  let done = 0;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let round = 0; performance.now() < until; round += 1) {
        const now = await work(client, round);
        done += now;
      }
    }),
  );
  const took = (performance.now() - begun) / 1_000;
  const cpu = ((await cpuMs(process.pid)) - cpuBefore) / 1_000;
  return { perSecond: Math.round(done / took), perCpuSecond: Math.round(done / cpu) };
}
