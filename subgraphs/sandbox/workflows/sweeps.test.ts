import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { expectOrderlyEnd } from '../fixtures/orderly-end.ts';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { alice, openSandbox } from '../fixtures/sandbox.ts';
import { noAnswer } from '../fixtures/scripted-runner.ts';
import { storageKey } from '../domain/artifact.ts';
import { budgetsMs } from '../domain/job-deadline.ts';
import type { JobState } from '../domain/job-state.ts';
import { expectContent } from '../store/contents.ts';
import { moveJob } from '../store/move-job.ts';
import { markStarted } from '../store/program.ts';
import { sweepDeadlines } from './sweep-deadlines.ts';
import { sweepContents } from './sweep-contents.ts';
import { sweepKept } from './sweep-kept.ts';
import { sweepRunner } from './sweep-runner.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());
afterEach(() => {
  sandbox.clock.aheadMs = 0;
  sandbox.scripted.script = () => ({});
  sandbox.scripted.onCall = () => Promise.resolve();
});

const day = 86_400_000;

/** A job that nobody drives, in a state. */
async function abandoned(state: JobState): Promise<string> {
  if (state === 'QUEUED') return sandbox.submit();
  const jobId = await sandbox.admitted();
  const ref = { jobId, attempt: 1 };
  await sandbox.db.tx('acme', async (tx) => {
    const at = sandbox.clock.now();
    if (state === 'ADMITTED') return;
    await moveJob(tx, jobId, { to: 'CREATING', by: alice, at });
    if (state === 'PULLING') await moveJob(tx, jobId, { to: 'PULLING', by: alice, at });
    if (state !== 'RUNNING' && state !== 'CANCELLING') return;
    await markStarted(tx, ref, at, alice, at);
  });
  if (state === 'CANCELLING') await sandbox.cancel(jobId);
  return jobId;
}

async function sweepLater(ms: number) {
  sandbox.clock.aheadMs += ms;
  await sweepDeadlines.run(sandbox.work);
}

describe('the sweep of deadlines', () => {
  it.each<[JobState, number, string, string]>([
    ['QUEUED', budgetsMs.QUEUED, 'FAILED', 'QUEUE_TIMEOUT'],
    ['ADMITTED', budgetsMs.ADMITTED + 31_000, 'QUEUED', 'START_REPEATED'],
    ['CREATING', budgetsMs.CREATING + 31_000, 'QUEUED', 'START_REPEATED'],
    ['PULLING', budgetsMs.PULLING + 31_000, 'QUEUED', 'START_REPEATED'],
    ['CANCELLING', budgetsMs.CANCELLING + 31_000, 'CANCELLED', 'CANCELLED_BY_USER'],
  ])('drives a job that nobody drives on from %s', async (state, ms, next, code) => {
    const id = await abandoned(state);
    await sweepLater(ms - 2_000 - (state === 'QUEUED' ? 0 : 30_000));
    expect((await sandbox.job(id))?.state).toBe(state);
    await sweepLater(40_000);
    expect(await sandbox.job(id)).toMatchObject({ state: next, reasonCode: code });
  });

  it('ends a running one as out of time, charged for no more than its time, then concludes it', async () => {
    const id = await abandoned('RUNNING');
    await sandbox.rows(
      'acme',
      `update job_attempt set seen_at = now() + interval '1 day' where job_id = $1`,
      [id],
    );
    await sweepLater(60_000 + 31_000);
    expect((await sandbox.job(id))?.state).toBe('COLLECTING');
    await sandbox.billing.answer();
    expect(sandbox.billing.about(id, 'sandbox.attempt-finished')).toMatchObject([
      { wallMs: 60_000 },
    ]);
    expect(sandbox.scripted.stops.some(({ key }) => key.jobId === id)).toBe(true);
    await sweepLater(budgetsMs.COLLECTING + 31_000);
    expect(await sandbox.job(id)).toMatchObject({
      state: 'TIMED_OUT',
      reasonCode: 'DEADLINE_EXCEEDED',
    });
    await expectOrderlyEnd(sandbox, id);
  });

  it('gives a start up for good after three attempts', async () => {
    const id = await abandoned('ADMITTED');
    for (const attempt of [1, 2, 3]) {
      expect(await sandbox.job(id)).toMatchObject({ state: 'ADMITTED', attempt });
      await sweepLater(91_000);
      await sandbox.admit();
    }
    expect(await sandbox.job(id)).toMatchObject({ state: 'FAILED', reasonCode: 'START_TIMEOUT' });
    await sandbox.billing.answer();
    expect(sandbox.billing.about(id, 'sandbox.hold-unneeded')).toHaveLength(3);
  });

  it('starts nothing again of which the runner does not say whether it ran', async () => {
    const id = await abandoned('CREATING');
    sandbox.scripted.onCall = () => Promise.reject(noAnswer());
    await sweepLater(91_000);
    expect(await sandbox.job(id)).toMatchObject({ state: 'FAILED', reasonCode: 'START_TIMEOUT' });
  });

  it('is not held up by a job that cannot be brought on', async () => {
    const [stuck, next] = [await abandoned('QUEUED'), await abandoned('QUEUED')];
    await sandbox.rows(
      'acme',
      `update job set deadline_at = deadline_at - interval '1 hour' where id = $1`,
      [stuck],
    );
    await sandbox.db.owner.query(
      `create function refuse() returns trigger as $$ begin raise 'no'; end $$ language plpgsql;
       create trigger stuck before update on job for each row when (old.id = '${stuck}') execute function refuse()`,
    );
    await sweepLater(day + 1_000);
    await sandbox.db.owner.query('drop trigger stuck on job');
    expect((await sandbox.job(next))?.state).toBe('FAILED');
    expect((await sandbox.job(stuck))?.state).toBe('QUEUED');
  });

  it('meets the run of the job without harm: one end', async () => {
    sandbox.scripted.script = () => ({ runningLooks: 1_000 });
    const id = await sandbox.admitted();
    const running = sandbox.run(id)();
    while ((await sandbox.job(id))?.state !== 'RUNNING') await pause();
    await sandbox.rows(
      'acme',
      `update job set deadline_at = now() - interval '1 hour' where id = $1`,
      [id],
    );
    await sweepDeadlines.run(sandbox.work);
    await running;
    expect((await sandbox.job(id))?.state).toBe('TIMED_OUT');
    await expectOrderlyEnd(sandbox, id);
  });
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('the sweep of the runner', () => {
  const order = (jobId: string, attempt = 1) => ({
    key: { jobId, attempt },
    tenantId: 'acme',
    ...{ template: 'shell' as const, source: 'true', args: [], env: [] },
    ...{ timeoutSeconds: 60, cpuMillicores: 500, memoryMib: 256 },
  });
  const present = (jobId: string) => sandbox.scripted.present(jobId).length;

  it('removes what runs for a job that is over, or for an attempt that was given up', async () => {
    const over = await sandbox.finished();
    const again = await abandoned('ADMITTED');
    await sweepLater(91_000);
    for (const id of [over, again]) await sandbox.deps.runner.start(order(id));
    await sweepRunner.run(sandbox.work);
    expect([present(over), present(again)]).toEqual([0, 0]);
  });

  it('removes what no job is known of, once it is not new any more', async () => {
    await sandbox.deps.runner.start(order('job_unknown'));
    await sweepRunner.run(sandbox.work);
    expect(present('job_unknown')).toBe(1);
    sandbox.clock.aheadMs = 601_000;
    await sweepRunner.run(sandbox.work);
    expect(present('job_unknown')).toBe(0);
  });

  it('leaves what runs for a job alone', async () => {
    const id = await abandoned('RUNNING');
    await sandbox.deps.runner.start(order(id));
    await sweepRunner.run(sandbox.work);
    expect(present(id)).toBe(1);
    expect((await sandbox.job(id))?.state).toBe('RUNNING');
  });

  it('tells a job whose program is gone, billed up to its last sign of life', async () => {
    const id = await abandoned('RUNNING');
    await sandbox.rows(
      'acme',
      `update job_attempt set seen_at = started_at + interval '7 seconds' where job_id = $1`,
      [id],
    );
    await sweepRunner.run(sandbox.work);
    expect((await sandbox.job(id))?.state).toBe('RUNNING');
    sandbox.clock.aheadMs = 70_000;
    await sweepRunner.run(sandbox.work);
    await sandbox.billing.answer();
    expect(sandbox.billing.about(id, 'sandbox.attempt-finished')).toMatchObject([
      { wallMs: 7_000 },
    ]);
    await sweepLater(budgetsMs.COLLECTING + 31_000);
    expect(await sandbox.job(id)).toMatchObject({ state: 'FAILED', reasonCode: 'RUNNER_LOST' });
  });

  it('believes nothing while the runner does not answer', async () => {
    const id = await abandoned('RUNNING');
    sandbox.clock.aheadMs = 70_000;
    sandbox.scripted.onCall = () => Promise.reject(noAnswer());
    await sweepRunner.run(sandbox.work);
    expect((await sandbox.job(id))?.state).toBe('RUNNING');
  });
});

describe('what a job printed and left', () => {
  it('is kept for 30 days after its end, and the job itself for longer', async () => {
    sandbox.scripted.script = () => ({ lines: ['a'], files: { 'a.txt': 'x' } });
    const id = await sandbox.finished();
    const left = async () => {
      const sql = `select (select count(*)::int from log_chunk where job_id = $1) as chunks,
        (select count(*)::int from artifact where job_id = $1) as files,
        (select count(*)::int from artifact_content) as contents`;
      return (await sandbox.rows('acme', sql, [id]))[0];
    };
    sandbox.clock.aheadMs = 29 * day;
    await sweepKept.run(sandbox.work);
    await sweepContents.run(sandbox.work);
    expect(await filesIn(sandbox.folder)).toHaveLength(1);
    expect(await left()).toMatchObject({ chunks: 1, files: 1 });
    sandbox.clock.aheadMs = 31 * day;
    await sweepKept.run(sandbox.work);
    expect(await left()).toEqual({ chunks: 0, files: 0, contents: 1 });
    await sweepContents.run(sandbox.work);
    expect(await left()).toEqual({ chunks: 0, files: 0, contents: 0 });
    expect(await filesIn(sandbox.folder)).toEqual([]);
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED' });
  });
});

describe('a content that became no file', () => {
  const spare = async () => {
    const jobId = await abandoned('RUNNING');
    const now = sandbox.clock.now();
    const id = await sandbox.db.tx('acme', (tx) => expectContent(tx, { jobId, attempt: 1 }, now));
    const content = Buffer.from('half');
    const said = { bytes: 4, sha256: createHash('sha256').update(content).digest('hex') };
    const pieces = Readable.from([content]);
    await sandbox.deps.storage.put(storageKey('acme', jobId, id), { ...said, content: pieces });
  };
  const known = () => sandbox.rows('acme', 'select artifact_id from artifact_content');

  it('is removed after an hour, not before', async () => {
    await spare();
    await sweepContents.run(sandbox.work);
    expect(await known()).toHaveLength(1);
    sandbox.clock.aheadMs = 3_601_000;
    await sweepContents.run(sandbox.work);
    expect([await known(), await filesIn(sandbox.folder)]).toEqual([[], []]);
  });

  it('is known of until the storage has removed it', async () => {
    await spare();
    sandbox.clock.aheadMs = 3_601_000;
    const { storage } = sandbox.deps;
    const down = { ...storage, remove: () => Promise.reject(noAnswer()) };
    await sweepContents.run({ ...sandbox.work, deps: { ...sandbox.deps, storage: down } });
    expect(await known()).toHaveLength(1);
    await sweepContents.run(sandbox.work);
    expect([await known(), await filesIn(sandbox.folder)]).toEqual([[], []]);
  });
});

async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((one) => one.isFile()).map(({ name }) => name);
}
