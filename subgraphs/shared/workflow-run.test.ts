import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshDatabase } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/database.ts';
import { sampleSubgraph } from '../../test/support/workflow-sample.ts';
import { newId } from './ids.ts';
import { createLog } from './log.ts';
import { sleep } from './time.ts';
import { startWorkflows } from './workflow-engine.ts';
import type { WorkflowEngine } from './workflow-engine.ts';

const sample = sampleSubgraph();
const { steps, approval, saga } = sample.programs;

let db: TestDatabase;
let engine: WorkflowEngine;
beforeAll(async () => {
  db = await freshDatabase(sample);
  engine = await startEngine();
});
afterAll(async () => {
  await engine.stop(2_000);
  await db.close();
});

function startEngine(): Promise<WorkflowEngine> {
  return startWorkflows({
    url: db.url,
    hosts: [{ db, workflows: sample.workflows, deps: { db } }],
    log: createLog({ level: 'silent' }),
    leaseMs: 10_000,
    onLeaseLost: () => undefined,
  });
}

async function namesOf(runId: string): Promise<string[]> {
  const rows: { name: string }[] = await db.tx('acme', (tx) =>
    tx.query('select name from effect where run_id = $1 order by id', [runId]),
  );
  return rows.map(({ name }) => name);
}

async function until(runId: string, test: (names: readonly string[]) => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!test(await namesOf(runId))) {
    if (Date.now() > deadline) throw new Error(`not in time: ${String(await namesOf(runId))}`);
    await sleep(10);
  }
}

async function emptied(table: string): Promise<boolean> {
  for (let tries = 0; tries < 500; tries += 1) {
    const { rowCount } = await db.owner.query(`select 1 from ${table}`);
    if (rowCount === 0) return true;
    await sleep(10);
  }
  return false;
}

const allSteps = ['first', 'counted', 'slow', 'last 42'];

describe('a run', () => {
  it('starts with the transaction that starts it, once, and leaves no records of its own', async () => {
    const id = newId('run');
    await Promise.all(
      [1, 2, 3].map(() => db.tx('acme', (tx) => steps.start(tx, id, { slowMs: 1 }))),
    );
    await until(id, (names) => names.includes('last 42'));
    await sleep(200);
    expect(await namesOf(id)).toEqual(allSteps);
    const { rows } = await db.owner.query('select * from workflow_step where run_id = $1', [id]);
    expect(rows).toEqual([]);
  });

  it('does not start with a transaction that is taken back', async () => {
    const id = newId('run');
    const broken = db.tx('acme', async (tx) => {
      await steps.start(tx, id, { slowMs: 1 });
      throw new Error('no');
    });
    await expect(broken).rejects.toThrow('no');
    await sleep(300);
    expect(await namesOf(id)).toEqual([]);
  });

  it('is stopped where it is by a cancel', async () => {
    const id = newId('run');
    await db.tx('acme', (tx) => steps.start(tx, id, { slowMs: 600 }));
    await until(id, (names) => names.includes('slow'));
    await db.tx('acme', (tx) => steps.cancel(tx, id));
    await sleep(1_200);
    expect(await namesOf(id)).toEqual(['first', 'counted', 'slow']);
  });

  it('takes back what it did when a step fails for good, after as many tries as it has', async () => {
    const id = newId('run');
    await db.tx('acme', (tx) => saga.start(tx, id, { fail: true, slowMs: 1 }));
    await until(id, (names) => names.includes('release'));
    expect(await namesOf(id)).toEqual(['reserve', 'charge', 'charge', 'release']);
  });

  it('that goes on in another process takes that for no failure of its own, and takes nothing back', async () => {
    const id = newId('run');
    await db.tx('acme', (tx) => saga.start(tx, id, { fail: false, slowMs: 500 }));
    await until(id, (names) => names.includes('charge'));
    await db.owner.query(
      `update dbos.workflow_status set owner_xid = 'another' where workflow_uuid = $1`,
      [id],
    );
    await sleep(1_500);
    expect(await namesOf(id)).toEqual(['reserve', 'charge']);
  });

  it('hears a signal that came before it waited, and none that was taken back', async () => {
    await engine.stop(2_000);
    const id = newId('run');
    await db.tx('acme', async (tx) => {
      await approval.start(tx, id, { waitMs: 10_000 });
      await approval.signal(tx, id, 'decided', { by: 'bob' });
    });
    await db
      .tx('acme', async (tx) => {
        await approval.signal(tx, id, 'decided', { by: 'mallory' });
        throw new Error('no');
      })
      .catch(() => undefined);
    engine = await startEngine();
    await until(id, (names) => names.length === 2);
    expect(await namesOf(id)).toEqual(['ask', 'heard {"by":"bob"}']);
  });

  it('goes on without an answer once its time to wait is over', async () => {
    const id = newId('run');
    await db.tx('acme', (tx) => approval.start(tx, id, { waitMs: 200 }));
    await until(id, (names) => names.includes('heard nothing'));
  });

  it('of a program that this release does not have waits for one that has it', async () => {
    const id = newId('run');
    await db.tx('acme', (tx) =>
      tx.query(
        `insert into workflow_start (id, tenant_id, workflow, input) values ($1, 'acme', 'sample.later', '{}')`,
        [id],
      ),
    );
    await sleep(300);
    const { rows } = await db.owner.query('select id from workflow_start');
    expect(rows).toEqual([{ id }]);
    await db.owner.query('delete from workflow_start');
  });

  it('that was never started ignores a signal, which does not stay for ever', async () => {
    await db.tx('acme', (tx) => approval.signal(tx, newId('run'), 'decided', 1));
    await expect(emptied('workflow_signal')).resolves.toBe(true);
  });
});
