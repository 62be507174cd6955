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
  /** Whether this process can take runs over yet. It lives before it can. */
  mayTakeOver(): boolean;
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
        if (events.mayTakeOver()) await takeOverLeft(options, events);
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
 * Takes over runs whose process is dead, or not known at all. The row of a dead
 * one goes once none of its runs is left behind, so a crash in here is made good
 * by the next round, of whoever.
 */
async function takeOverLeft(options: LeaseOptions, events: LeaseEvents): Promise<void> {
  const { pool, executorId, subgraphs, systemSchema } = options;
  const { rows } = await pool.query<{ id: string; subgraph: string }>(
    `select workflow_uuid as id, split_part(name, '.', 1) as subgraph
     from ${systemSchema}.workflow_status w
     where status = 'PENDING' and split_part(name, '.', 1) = any($1) and not exists (
       select 1 from forge.executor e
       where e.id = w.executor_id and (e.lease_until > clock_timestamp() or e.id = $2))
     limit $3`,
    [subgraphs, executorId, runsMax],
  );
  for (const subgraph of subgraphs) {
    const left = rows.filter((run) => run.subgraph === subgraph).map((run) => run.id);
    if (left.length > 0) await events.takeOver(subgraph, left);
  }
  await pool.query(
    `delete from forge.executor e
     where lease_until <= clock_timestamp() and id <> $1 and not exists (
       select 1 from ${systemSchema}.workflow_status w
       where w.executor_id = e.id and w.status = 'PENDING')`,
    [executorId],
  );
}

/** In one round; the rest is found by the next. */
const runsMax = 500;
