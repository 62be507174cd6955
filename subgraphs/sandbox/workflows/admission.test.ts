import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';
import { activeStates } from '../domain/job-state.ts';
import { admission, admitNext } from './admission.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox({
    capacity: { jobs: 5, cpuMillicores: 100_000, memoryMib: 100_000 },
  });
});
afterAll(() => sandbox.close());
afterEach(async () => {
  await sandbox.db.owner.query(
    `delete from job_program; delete from job_attempt; delete from job; delete from tenant_quota;
     delete from workflow_start`,
  );
});

/** Jobs that have their turn, in the order in which they got it. */
async function active(): Promise<{ tenant_id: string; id: string }[]> {
  const { rows } = await sandbox.db.owner.query<{ tenant_id: string; id: string }>(
    `select tenant_id, id from job where state = any($1) order by deadline_at, id`,
    [activeStates],
  );
  return rows;
}

async function submit(tenant: string, count: number, source = 'true') {
  const ids = [];
  for (let n = 0; n < count; n += 1) ids.push(await sandbox.submit(tenant, { source }));
  await sandbox.billing.answer();
  return ids;
}

function endOne(tenant: string, id: string) {
  return sandbox.rows(
    tenant,
    `update job set state = 'SUCCEEDED', finished_at = now(), deadline_at = null where id = $1`,
    [id],
  );
}

describe('admission', () => {
  it('never admits more than the runner has room for, however many admit at once', async () => {
    for (const tenant of ['a', 'b', 'c']) await submit(tenant, 6);
    await Promise.all(Array.from({ length: 4 }, () => admission.run(sandbox.work)));
    expect(await active()).toHaveLength(5);
  });

  it('starts one run for each job that it admits, in the same transaction', async () => {
    const [id] = await submit('acme', 1);
    await Promise.all(Array.from({ length: 4 }, () => admission.run(sandbox.work)));
    const { rows } = await sandbox.db.owner.query('select id, workflow, input from workflow_start');
    expect(rows).toEqual([
      { id: `${String(id)}:1`, workflow: 'sandbox.run-job', input: { jobId: id, attempt: 1 } },
    ]);
  });

  it('keeps to a tenant’s quota, and lets others pass', async () => {
    await sandbox.rows('a', `insert into tenant_quota values ('a', 2, 10, 16000, 16384, 1)`);
    await submit('a', 4);
    await submit('b', 1);
    await Promise.all(Array.from({ length: 3 }, () => admission.run(sandbox.work)));
    const tenants = (await active()).map(({ tenant_id }) => tenant_id).sort();
    expect(tenants).toEqual(['a', 'a', 'b']);
  });

  it('gives who comes late their turn as soon as one job ends', async () => {
    await submit('crowd', 30);
    await admission.run(sandbox.work);
    const [late] = await submit('late', 1);
    await admission.run(sandbox.work);
    expect((await active()).map(({ tenant_id }) => tenant_id)).not.toContain('late');
    const [first] = await active();
    await endOne('crowd', first?.id ?? '');
    await admission.run(sandbox.work);
    expect((await active()).map(({ id }) => id)).toContain(late);
  });

  it('shares between tenants by their weight', async () => {
    await sandbox.rows(
      'heavy',
      `insert into tenant_quota values ('heavy', 10, 50, 16000, 16384, 4)`,
    );
    await submit('heavy', 8);
    await submit('light', 8);
    await admission.run(sandbox.work);
    const heavy = (await active()).filter(({ tenant_id }) => tenant_id === 'heavy');
    expect(heavy).toHaveLength(4);
  });

  it('takes a tenant’s jobs first come, first served', async () => {
    const ids = await submit('acme', 3);
    for (const id of ids) {
      expect(await admitNext(sandbox.db, sandbox.deps)).toBe('admitted');
      expect((await sandbox.job(id))?.state).toBe('ADMITTED');
    }
    expect(await admitNext(sandbox.db, sandbox.deps)).toBe('none');
  });

  it('passes over what waits for credit and what was cancelled', async () => {
    sandbox.billing.holds = 'silent';
    const [poor] = await submit('acme', 1);
    sandbox.billing.holds = 'placed';
    const [gone, next] = await submit('acme', 2);
    await sandbox.cancel(String(gone));
    await admission.run(sandbox.work);
    expect((await active()).map(({ id }) => id)).toEqual([next]);
    expect((await sandbox.job(String(poor)))?.state).toBe('QUEUED');
  });
});

describe('billing’s answer', () => {
  afterEach(() => {
    sandbox.billing.holds = 'placed';
  });

  it('ends a job without credit, and says so', async () => {
    sandbox.billing.holds = 'refused';
    const [id] = await submit('acme', 1);
    expect(await sandbox.job(String(id))).toMatchObject({
      state: 'FAILED',
      reasonCode: 'INSUFFICIENT_CREDIT',
    });
    await sandbox.billing.answer();
    expect(sandbox.billing.about(String(id), 'sandbox.hold-unneeded')).toEqual([]);
  });

  it('that comes after a cancel changes nothing', async () => {
    const id = await sandbox.submit();
    await sandbox.cancel(id);
    const before = await sandbox.events(id);
    sandbox.billing.holds = 'placed';
    await sandbox.billing.answer();
    await admission.run(sandbox.work);
    expect(await sandbox.job(id)).toMatchObject({ state: 'CANCELLED', ready: false });
    expect(await sandbox.events(id)).toEqual(before);
  });
});
