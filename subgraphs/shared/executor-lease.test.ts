import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { Pool } from 'pg';
import { freshDatabase } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/database.ts';
import { holdLease } from './executor-lease.ts';
import type { Lease, LeaseEvents, LeaseOptions } from './executor-lease.ts';
import { createLog } from './log.ts';
import { sleep } from './time.ts';

const leaseMs = 2_000;

let db: TestDatabase;
let pool: Pool;
let held: Lease[];

beforeAll(async () => {
  db = await freshDatabase({ name: 'sandbox', entities: [], migrations: [] });
  pool = new Pool({ connectionString: db.url, max: 3 });
  // What the lease reads of DBOS.
  await pool.query(`create schema runs; create table runs.workflow_status
    (workflow_uuid text primary key, name text, status text, executor_id text)`);
});
afterAll(async () => {
  await pool.end();
  await db.close();
});
beforeEach(() => {
  held = [];
});
afterEach(async () => {
  await Promise.all(held.map((lease) => lease.release()));
  await pool.query('truncate forge.executor, runs.workflow_status');
});

/** Holds a lease until the test is over, and tells what happened to it. */
async function holding(
  executorId: string,
  change: Partial<LeaseOptions> = {},
  events: Partial<LeaseEvents> = {},
) {
  const taken: (readonly [subgraph: string, ...runs: string[]])[] = [];
  const onLost = jest.fn();
  const lease = await holdLease(
    {
      pool,
      executorId,
      subgraphs: ['sandbox', 'verticals'],
      systemSchema: 'runs',
      leaseMs,
      log: createLog({ level: 'silent' }),
      ...change,
    },
    {
      mayTakeOver: () => true,
      takeOver: async (subgraph, runIds) => {
        taken.push([subgraph, ...runIds.toSorted()]);
        await requeued(runIds);
      },
      onLost,
      ...events,
    },
  );
  held.push(lease);
  return { lease, taken, onLost };
}

/** What DBOS does with runs that are resumed. */
async function requeued(runIds: readonly string[]): Promise<void> {
  await pool.query(
    `update runs.workflow_status set status = 'ENQUEUED', executor_id = null
     where workflow_uuid = any($1)`,
    [runIds],
  );
}

/** An executor that no longer says it lives. */
async function dead(id: string): Promise<void> {
  await pool.query(
    `insert into forge.executor (id, subgraphs, lease_until)
     values ($1, '{sandbox}', clock_timestamp() - interval '1 ms')`,
    [id],
  );
}

async function run(id: string, executorId: string, status = 'PENDING', name = 'sandbox.run-job') {
  await pool.query('insert into runs.workflow_status values ($1, $2, $3, $4)', [
    id,
    name,
    status,
    executorId,
  ]);
}

async function executors(): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>('select id from forge.executor order by id');
  return rows.map(({ id }) => id);
}

async function leftMs(id: string): Promise<number> {
  const { rows } = await pool.query<{ ms: number }>(
    `select extract(epoch from lease_until - clock_timestamp())::float * 1000 as ms
     from forge.executor where id = $1`,
    [id],
  );
  return rows[0]?.ms ?? NaN;
}

async function until(isSo: () => boolean | Promise<boolean>, ms = 4_000): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end;) {
    if (await isSo()) return;
    await sleep(20);
  }
  throw new Error('it did not come to that');
}

describe('a lease', () => {
  it('is over by the database’s clock, whatever this machine’s clock says', async () => {
    const wrong = jest.spyOn(Date, 'now').mockReturnValue(0);
    await holding('executor_1');
    const left = await leftMs('executor_1');
    wrong.mockRestore();
    expect(left).toBeLessThanOrEqual(leaseMs);
    expect(left).toBeGreaterThan(leaseMs - 1_000);
  });

  it('is renewed long before it is over', async () => {
    const { onLost } = await holding('executor_1');
    await pool.query(`update forge.executor set lease_until = clock_timestamp() + interval '1 s'`);
    await until(async () => (await leftMs('executor_1')) > leaseMs / 2, 900);
    expect(onLost).not.toHaveBeenCalled();
  });

  it('that was over when it came to be renewed is lost for good, and that is said once', async () => {
    const { onLost } = await holding('executor_1');
    await pool.query('update forge.executor set lease_until = clock_timestamp()');
    await until(() => onLost.mock.calls.length > 0);
    expect(await leftMs('executor_1')).toBeLessThan(0);
    await sleep(900);
    expect(onLost).toHaveBeenCalledTimes(1);
    expect(await leftMs('executor_1')).toBeLessThan(0);
  });

  it('is lost when another process has taken over and removed it', async () => {
    const { onLost } = await holding('executor_1');
    await pool.query('delete from forge.executor');
    await until(() => onLost.mock.calls.length > 0);
    expect(await executors()).toEqual([]);
  });

  it('is lost when the database stays away for as long as it lasts', async () => {
    const broken = { query: jest.fn(async () => Promise.reject(new Error('ECONNREFUSED'))) };
    const through = { query: jest.fn(async () => ({ rowCount: 1, rows: [] })) };
    let now: { query(): Promise<unknown> } = through;
    const flaky = { query: () => now.query() };
    const clock = jest.spyOn(performance, 'now').mockReturnValue(1_000);
    const { onLost } = await holding('executor_1', { pool: flaky as unknown as Pool });
    await until(() => through.query.mock.calls.length >= 3);
    now = broken;
    clock.mockReturnValue(1_000 + leaseMs);
    await until(() => broken.query.mock.calls.length === 1);
    expect(onLost).not.toHaveBeenCalled();
    clock.mockReturnValue(1_001 + leaseMs);
    await until(() => onLost.mock.calls.length === 1);
    clock.mockRestore();
  });

  it('that is given up lets others take over at once, and is not lost', async () => {
    const { lease, onLost } = await holding('executor_1');
    await run('run_1', 'executor_1');
    await lease.release();
    expect(await leftMs('executor_1')).toBeLessThanOrEqual(0);
    const { taken } = await holding('executor_2');
    await until(() => taken.length > 0);
    expect(taken).toEqual([['sandbox', 'run_1']]);
    expect(onLost).not.toHaveBeenCalled();
  });

  it('ends by itself when it cannot be given up', async () => {
    const query = jest.fn(async () => ({ rowCount: 1, rows: [] }));
    const { lease } = await holding('executor_1', { pool: { query } as unknown as Pool });
    query.mockRejectedValue(new Error('ECONNREFUSED'));
    await expect(lease.release()).resolves.toBeUndefined();
  });
});

describe('taking over', () => {
  it('has the unfinished runs of a dead process go on, by subgraph, and no other runs', async () => {
    await dead('executor_dead');
    await run('run_b', 'executor_dead');
    await run('run_a', 'executor_dead');
    await run('run_v', 'executor_dead', 'PENDING', 'verticals.answer');
    await run('run_done', 'executor_dead', 'SUCCESS');
    await run('run_broken', 'executor_dead', 'ERROR');
    await run('run_waiting', 'executor_dead', 'ENQUEUED');
    await run('run_alive', 'executor_alive');
    const alive = await holding('executor_alive');
    await until(async () => !(await executors()).includes('executor_dead'));
    expect(alive.taken).toEqual([
      ['sandbox', 'run_a', 'run_b'],
      ['verticals', 'run_v'],
    ]);
  });

  it('never is of one’s own runs: whoever was away for too long is for others to take over', async () => {
    const ownPool = new Pool({ connectionString: db.url, max: 1 });
    const query = ownPool.query.bind(ownPool) as (
      sql: string,
      values: unknown[],
    ) => Promise<object>;
    let rounds = 0;
    const slow = {
      query: async (sql: string, values: unknown[]) => {
        const told = await query(sql, values);
        // As if this process had stood still right after it had renewed its lease.
        if (/^update .* and lease_until/s.test(sql) && ++rounds === 1) {
          await pool.query('update forge.executor set lease_until = clock_timestamp()');
        }
        return told;
      },
    };
    await run('run_1', 'executor_1');
    const { taken, onLost } = await holding('executor_1', { pool: slow as unknown as Pool });
    await until(() => onLost.mock.calls.length > 0);
    expect(taken).toEqual([]);
    expect(await executors()).toEqual(['executor_1']);
    await ownPool.end();
  });

  it('leaves alone a process whose lease is not over', async () => {
    await holding('executor_1');
    await run('run_1', 'executor_1');
    const { taken } = await holding('executor_2');
    await sleep(100);
    expect(taken).toEqual([]);
    expect(await executors()).toEqual(['executor_1', 'executor_2']);
  });

  it('leaves runs of other subgraphs, and the dead process, to those who can take them', async () => {
    await dead('executor_dead');
    await run('run_1', 'executor_dead');
    await run('run_v', 'executor_dead', 'PENDING', 'verticals.answer');
    const { taken } = await holding('executor_1', { subgraphs: ['sandbox'] });
    await until(() => taken.length > 0);
    expect(taken).toEqual([['sandbox', 'run_1']]);
    expect(await executors()).toContain('executor_dead');
    const other = await holding('executor_2', { subgraphs: ['verticals'] });
    await until(() => other.taken.length > 0);
    expect(other.taken).toEqual([['verticals', 'run_v']]);
  });

  it('has the runs of a process that nobody knows go on as well', async () => {
    await run('run_1', 'executor_forgotten');
    const { taken } = await holding('executor_1');
    await until(() => taken.length > 0);
    expect(taken).toEqual([['sandbox', 'run_1']]);
  });

  it('waits until the process can', async () => {
    await dead('executor_dead');
    await run('run_1', 'executor_dead');
    let launched = false;
    const { taken } = await holding('executor_1', {}, { mayTakeOver: () => launched });
    await sleep(leaseMs / 2);
    expect(taken).toEqual([]);
    launched = true;
    await until(() => taken.length > 0);
  });

  it('that broke off is made good by the next round', async () => {
    await dead('executor_dead');
    await run('run_1', 'executor_dead');
    let rounds = 0;
    const takeOver = async (_subgraph: string, runIds: readonly string[]): Promise<void> => {
      rounds += 1;
      expect(await executors()).toContain('executor_dead');
      if (rounds === 1) throw new Error('killed in the middle');
      await requeued(runIds);
    };
    const { onLost } = await holding('executor_1', {}, { takeOver });
    await until(async () => !(await executors()).includes('executor_dead'));
    expect(rounds).toBe(2);
    expect(onLost).not.toHaveBeenCalled();
  });

  it('that broke off is made good by any other process', async () => {
    await dead('executor_dead');
    await run('run_1', 'executor_dead');
    const killed = () => Promise.reject(new Error('killed in the middle'));
    const { lease } = await holding('executor_1', {}, { takeOver: killed });
    await lease.release();
    const { taken } = await holding('executor_2');
    await until(async () => (await executors()).join() === 'executor_2');
    expect(taken).toEqual([['sandbox', 'run_1']]);
  });
});
