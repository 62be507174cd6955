import type { Pool } from 'pg';
import type { Log } from './log.ts';
import { isAborted, sleep } from './time.ts';

export interface LeaseOptions {
  readonly pool: Pool;
  readonly executorId: string;
  readonly subgraphs: readonly string[];
  /** The schema in which runs are recorded. */
  readonly systemSchema: string;
  readonly leaseMs: number;
  readonly log: Log;
}

export interface LeaseEvents {
  /** Has runs of a dead process go on. Done twice it is done once. */
  takeOver(subgraph: string, runIds: readonly string[]): Promise<void>;
  /** Others may have taken over what this process was doing. Called once. */
  onLost(): void;
}

export interface Lease {
  /** Gives the lease up, so that others take over at once. */
  release(): Promise<void>;
}

/** A process that says nothing for so long is taken for dead. */
export const leaseMs = 5_000;
/** A lease is renewed five times in its life. */
const renewalsPerLease = 5;
const deadMax = 20;

/**
 * Says that this process lives, for as long as it does, and takes over the runs
 * of processes that no longer say so.
 *
 * Only the database's clock decides. A process whose lease was over when it came
 * to renew it has lost it for good, even if nobody has taken over yet.
 */
export async function holdLease(options: LeaseOptions, events: LeaseEvents): Promise<Lease> {
  const { pool, executorId, subgraphs, leaseMs, log } = options;
  await pool.query(
    `insert into forge.executor (id, subgraphs, lease_until)
     values ($1, $2, clock_timestamp() + make_interval(secs => $3))`,
    [executorId, subgraphs, leaseMs / 1_000],
  );
  const stopping = new AbortController();
  const keeping = (async () => {
    let renewedAt = performance.now();
    while (!stopping.signal.aborted) {
      try {
        if (!(await renewed(options))) {
          if (!isAborted(stopping.signal)) events.onLost();
          return;
        }
        renewedAt = performance.now();
        await takeOverDead(options, events);
      } catch (err) {
        log.warn({ err }, 'the lease of this process could not be renewed');
        if (performance.now() - renewedAt > leaseMs) {
          if (!isAborted(stopping.signal)) events.onLost();
          return;
        }
      }
      await sleep(leaseMs / renewalsPerLease, stopping.signal).catch(() => undefined);
    }
  })();
  return {
    async release() {
      stopping.abort();
      await keeping;
      await pool
        .query('update forge.executor set lease_until = clock_timestamp() where id = $1', [
          executorId,
        ])
        .catch((err: unknown) => {
          log.debug({ err }, 'the lease ends by itself');
        });
    },
  };
}

async function renewed({ pool, executorId, leaseMs }: LeaseOptions): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update forge.executor set lease_until = clock_timestamp() + make_interval(secs => $2)
     where id = $1 and lease_until > clock_timestamp()`,
    [executorId, leaseMs / 1_000],
  );
  return rowCount === 1;
}

/**
 * Takes over what dead processes left. Their row goes once none of their runs is
 * left behind, so a crash in here is made good by the next round, of whoever.
 */
async function takeOverDead(options: LeaseOptions, events: LeaseEvents): Promise<void> {
  const { pool, executorId, subgraphs, systemSchema } = options;
  const { rows: dead } = await pool.query<{ id: string }>(
    `select id from forge.executor where lease_until <= clock_timestamp() and id <> $2 limit $1`,
    [deadMax, executorId],
  );
  for (const { id } of dead) {
    const { rows: runs } = await pool.query<{ id: string; subgraph: string }>(
      `select workflow_uuid as id, split_part(name, '.', 1) as subgraph
       from ${systemSchema}.workflow_status where executor_id = $1 and status = 'PENDING'`,
      [id],
    );
    for (const subgraph of subgraphs) {
      const ours = runs.filter((run) => run.subgraph === subgraph).map((run) => run.id);
      if (ours.length > 0) await events.takeOver(subgraph, ours);
    }
    if (runs.every((run) => subgraphs.includes(run.subgraph))) {
      await pool.query('delete from forge.executor where id = $1', [id]);
    }
  }
}
