import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { durableRun } from '../../../test/support/durable-run.ts';
import { expectOrderlyEnd } from '../fixtures/orderly-end.ts';
import { openSandbox } from '../fixtures/sandbox.ts';
import type { Script } from '../fixtures/scripted-runner.ts';
import { noAnswer } from '../fixtures/scripted-runner.ts';
import { carryOut } from './run-job.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());
afterEach(() => {
  sandbox.clock.aheadMs = 0;
  sandbox.scripted.script = () => ({});
  sandbox.scripted.onCall = () => Promise.resolve();
  sandbox.scripted.check = { kind: 'ready', templates: [], enforced: [], weaker: [] };
  sandbox.billing.settles = true;
});

const expectOrderly = (id: string) => expectOrderlyEnd(sandbox, id);

/** Runs one job to its end as the script says. */
async function ended(script: Script) {
  sandbox.scripted.script = () => script;
  return sandbox.finished();
}

const printing: Script = {
  lines: ['one', '::progress {"percent":40,"message":"half"}', 'two', ['stderr', 'three']],
  linesPerRead: 1,
  files: { 'report.txt': 'all is well', 'data/a.csv': '1,2' },
  refusedFiles: ['link'],
};

describe('the run of a job', () => {
  it('takes it from its admission to its end, and tells all of it', async () => {
    const id = await ended(printing);
    expect(await sandbox.job(id)).toMatchObject({
      state: 'SUCCEEDED',
      reasonCode: 'ARTIFACTS_REFUSED',
      exitCode: 0,
      progressPercent: 40,
      deadlineAt: null,
    });
    expect(await sandbox.states(id)).toEqual([
      ...['QUEUED', 'ADMITTED', 'CREATING', 'RUNNING', 'COLLECTING', 'SUCCEEDED'],
    ]);
    expect((await sandbox.lines(id)).map(({ n, stream, text }) => [n, stream, text])).toEqual([
      [1, 'stdout', 'one'],
      [2, 'stdout', 'two'],
      [3, 'stderr', 'three'],
    ]);
    const events = await expectOrderly(id);
    const types = events.map(({ type }) => type);
    expect(types.filter((type) => type === 'job.artifact-added')).toHaveLength(2);
    expect(events.find(({ type }) => type === 'job.artifact-refused')?.payload).toMatchObject({
      path: 'link',
    });
    const usage = sandbox.billing.about(id, 'sandbox.attempt-finished')[0];
    expect(usage).toMatchObject({ attempt: 1, wallMs: 1_500, cpuMs: 700, cpuMillicores: 500 });
  });

  it('keeps progress and lines in the order in which they were printed', async () => {
    const id = await ended({ ...printing, linesPerRead: 100 });
    const types = (await sandbox.events(id)).map(({ type }) => type);
    const from = types.indexOf('job.log-appended');
    expect(types.slice(from, from + 3)).toEqual([
      'job.log-appended',
      'job.progress',
      'job.log-appended',
    ]);
  });

  it.each<[string, Script, object]>([
    ['exits with a code', { verdict: { exitCode: 3 } }, ['FAILED', 'EXIT_NON_ZERO']],
    [
      'runs out of memory',
      { verdict: { exitCode: 137, oomKilled: true } },
      ['FAILED', 'OOM_KILLED'],
    ],
    [
      'runs out of time',
      { verdict: { signal: 'SIGKILL', timedOut: true } },
      ['TIMED_OUT', 'DEADLINE_EXCEEDED'],
    ],
    [
      'dies of a signal',
      { verdict: { exitCode: null, signal: 'SIGSEGV' } },
      ['FAILED', 'KILLED_BY_SIGNAL'],
    ],
    ['prints too much', { verdict: { outputLimit: true } }, ['FAILED', 'OUTPUT_LIMIT']],
    ['is lost while it runs', { isLost: true }, ['FAILED', 'RUNNER_LOST']],
  ])('says why when the program %s, and charges it', async (_what, script, end) => {
    const id = await ended(script);
    const job = await sandbox.job(id);
    expect([job?.state, job?.reasonCode]).toEqual(end);
    await expectOrderly(id);
    expect(sandbox.billing.about(id, 'sandbox.attempt-finished')).toHaveLength(1);
  });

  it('shows the state PULLING while the image is on its way', async () => {
    const id = await ended({ pulling: true, startingLooks: 3 });
    expect(await sandbox.states(id)).toContain('PULLING');
  });

  it('tells of output that was not kept', async () => {
    const gap = { at: new Date(), bytes: 77, why: 'OUTPUT_LIMIT' } as const;
    const id = await ended({ lines: ['a'], gap, verdict: { outputLimit: true } });
    const told = (await sandbox.events(id)).filter(({ type }) => type === 'job.log-gap');
    expect(told).toMatchObject([{ payload: { bytes: 77, why: 'OUTPUT_LIMIT' } }]);
  });

  it('samples what a program uses while it runs, and its total at the end', async () => {
    const id = await ended({ runningLooks: 30 });
    const samples = (await sandbox.events(id)).filter(({ type }) => type === 'job.usage-sampled');
    expect(samples.length).toBeGreaterThan(1);
    expect(samples.at(-1)?.payload).toMatchObject({ billableMs: 1_500, cpuMs: 700 });
  });

  it('fails without a charge when there is no runner, and says what to do about it', async () => {
    sandbox.scripted.check = { kind: 'unavailable', message: 'Install bubblewrap.' };
    const message = 'secret path /root';
    const id = await ended({ refuses: { kind: 'refused', reason: 'RUNNER_UNAVAILABLE', message } });
    const job = await sandbox.job(id);
    expect(job).toMatchObject({ state: 'FAILED', reasonCode: 'RUNNER_UNAVAILABLE' });
    expect(job?.reasonMessage).toContain('Install bubblewrap.');
    expect(job?.reasonMessage).not.toContain('secret');
    await expectOrderly(id);
    expect(sandbox.billing.about(id, 'sandbox.hold-unneeded')).toHaveLength(1);
  });

  it('ends without its cost settled when billing does not answer, and says so', async () => {
    sandbox.billing.settles = false;
    sandbox.scripted.onCall = (method) => {
      if (method === 'artifacts') sandbox.clock.aheadMs = 0;
      return Promise.resolve();
    };
    const id = await sandbox.admitted();
    const deps = sandbox.deps.pace as { settleMs: number };
    deps.settleMs = 30;
    await sandbox.run(id)();
    deps.settleMs = 20_000;
    expect(await sandbox.job(id)).toMatchObject({
      state: 'SUCCEEDED',
      reasonCode: 'SETTLE_TIMEOUT',
    });
  });

  it('tries again, as another attempt, when nothing of the program ran', async () => {
    sandbox.scripted.script = () => ({ startingLooks: 100 });
    const id = await sandbox.admitted();
    sandbox.scripted.onCall = (method) => {
      if (method === 'look') sandbox.clock.aheadMs = 61_000;
      return Promise.resolve();
    };
    await sandbox.run(id)();
    sandbox.scripted.onCall = () => Promise.resolve();
    expect(await sandbox.job(id)).toMatchObject({ state: 'QUEUED', attempt: 2 });
    await sandbox.billing.answer();
    expect(sandbox.billing.about(id, 'sandbox.hold-unneeded')).toMatchObject([{ attempt: 1 }]);
    sandbox.scripted.script = () => ({});
    await sandbox.admit();
    await sandbox.run(id, 2)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED', attempt: 2 });
  });

  it('never starts a program twice of which it is unknown whether it ran', async () => {
    const id = await sandbox.admitted();
    sandbox.scripted.onCall = (method) => {
      if (method !== 'start' && method !== 'look') return Promise.resolve();
      sandbox.clock.aheadMs = 61_000;
      return Promise.reject(noAnswer());
    };
    await sandbox.run(id)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'FAILED', reasonCode: 'START_TIMEOUT' });
  });

  it('bears a runner that does not answer for a while', async () => {
    let calls = 0;
    sandbox.scripted.onCall = (_method, when) => {
      calls += 1;
      return when === 'after' && calls % 3 === 0 ? Promise.reject(noAnswer()) : Promise.resolve();
    };
    const id = await ended(printing);
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED' });
    expect((await sandbox.lines(id)).map(({ text }) => text)).toEqual(['one', 'two', 'three']);
    await expectOrderly(id);
  });

  it('is not fooled by a second run of the same attempt: together they write everything once', async () => {
    sandbox.scripted.script = () => ({ ...printing, runningLooks: 12 });
    const id = await sandbox.admitted();
    await Promise.all([sandbox.run(id)(), secondRun(id)]);
    expect((await sandbox.lines(id)).map(({ text }) => text)).toEqual(['one', 'two', 'three']);
    const events = await expectOrderly(id);
    expect(events.filter(({ type }) => type === 'job.artifact-added')).toHaveLength(2);
    expect(sandbox.scripted.started.filter(({ jobId }) => jobId === id)).toHaveLength(1);
  });

  it('ends a job whose run has a bug as INTERNAL, and charges what ran', async () => {
    sandbox.scripted.script = () => ({ runningLooks: 50 });
    const id = await sandbox.admitted();
    let reads = 0;
    sandbox.scripted.onCall = (method) => {
      if (method === 'read' && (reads += 1) > 3) return Promise.reject(new TypeError('a bug'));
      return Promise.resolve();
    };
    await sandbox.run(id)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'FAILED', reasonCode: 'INTERNAL' });
    await expectOrderly(id);
  });
});

/** The same attempt in another process that believes it is its own. */
function secondRun(jobId: string) {
  const ids = { id: `${jobId}:1`, tenant: 'acme' };
  return durableRun(sandbox.db, ids, { log: sandbox.log }).takeUp(({ run }) =>
    carryOut(run, { jobId, attempt: 1 }, sandbox.deps),
  );
}
