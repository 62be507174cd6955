import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { alice, bob, openSandbox } from '../fixtures/sandbox.ts';
import { jobReason } from '../domain/job-reason.ts';
import type { LogLine } from '../domain/output.ts';
import { judge } from '../domain/verdict.ts';
import { keepArtifact } from './artifacts.ts';
import { beginRemoval, expectContent } from './contents.ts';
import { cancelJob } from './cancel-job.ts';
import { endUnseen, finishJob } from './finish-job.ts';
import { recordOutput } from './logs.ts';
import { moveJob } from './move-job.ts';
import { endProgram, markStarted, sampleUsage } from './program.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());

const at = () => new Date();
const inAcme = <T>(work: Parameters<SandboxUnderTest['db']['tx']>[1]) =>
  sandbox.db.tx('acme', work) as Promise<T>;
const ends = judge(
  {
    ...{ exitCode: 0, signal: null, timedOut: false, oomKilled: false },
    ...{ outputLimit: false, diskLimit: false, stopped: false },
  },
  { overdue: false },
);

function over(startedAt: Date) {
  const finishedAt = new Date(startedAt.getTime() + 1_234);
  return {
    ...{ verdict: ends, exitCode: 0, signal: null, startedAt, finishedAt },
    ...{ cpuMs: 10, memoryPeakBytes: 20 },
  };
}

/** A job whose program runs. */
async function running() {
  const jobId = await sandbox.admitted();
  const ref = { jobId, attempt: 1 };
  await inAcme(async (tx) => {
    await moveJob(tx, jobId, { to: 'CREATING', by: alice, at: at() });
    await markStarted(tx, ref, at(), alice, at());
  });
  return ref;
}

describe('moving a job', () => {
  it('has one end of a cancel and a success that meet, and tells the other', async () => {
    for (let n = 0; n < 12; n += 1) {
      const ref = await running();
      await inAcme((tx) => endProgram(tx, ref, over(at()), alice, at()));
      const [, cancelled] = await Promise.all([
        inAcme((tx) => finishJob(tx, ref, alice, at())),
        inAcme<string>((tx) => cancelJob(tx, ref.jobId, '', bob, at())),
      ]);
      const states = await sandbox.states(ref.jobId);
      const state = (await sandbox.job(ref.jobId))?.state;
      if (cancelled === 'over') expect(state).toBe('SUCCEEDED');
      else expect(['CANCELLING', 'CANCELLED']).toContain(state);
      expect(states.filter((one) => one === 'SUCCEEDED' || one === 'CANCELLING')).toHaveLength(1);
    }
  });

  it('changes nothing for an attempt that is not the current one', async () => {
    const ref = await running();
    const wish = { to: 'COLLECTING', by: alice, at: at(), attempt: 2 } as const;
    expect((await inAcme<{ outcome: string }>((tx) => moveJob(tx, ref.jobId, wish))).outcome).toBe(
      'over',
    );
    expect((await sandbox.job(ref.jobId))?.state).toBe('RUNNING');
  });

  it('refuses what no job does, all of it', async () => {
    const jobId = await sandbox.submit();
    const before = await sandbox.events(jobId);
    const to = (state: 'RUNNING' | 'FAILED', reason = jobReason('QUEUE_TIMEOUT')) =>
      inAcme((tx) => moveJob(tx, jobId, { to: state, reason, by: alice, at: at() }));
    await expect(to('RUNNING')).rejects.toThrow('cannot go from QUEUED to RUNNING');
    await expect(to('FAILED', jobReason('DEADLINE_EXCEEDED'))).rejects.toThrow('DEADLINE_EXCEEDED');
    expect(await sandbox.events(jobId)).toEqual(before);
  });

  it('ends no job whose program ran before its usage was told', async () => {
    const ref = await running();
    await inAcme((tx) => cancelJob(tx, ref.jobId, '', bob, at()));
    const finish = () => inAcme((tx) => finishJob(tx, ref, alice, at()));
    await expect(finish()).rejects.toThrow('before its usage is told');
    await inAcme((tx) => endUnseen(tx, ref, ends, alice, at()));
    await finish();
    expect((await sandbox.job(ref.jobId))?.state).toBe('CANCELLED');
  });

  it('leaves an audit entry for each change, and none for what did not change', async () => {
    const ref = await running();
    await inAcme((tx) => moveJob(tx, ref.jobId, { to: 'CREATING', by: bob, at: at() }));
    const { rows } = await sandbox.db.owner.query<{ action: string }>(
      `select payload ->> 'action' as action from forge.message
       where topic = 'audit.recorded' and key = $1 order by id`,
      [ref.jobId],
    );
    expect(rows.map(({ action }) => action)).toEqual([
      ...['job.submitted', 'job.admitted', 'job.creating', 'job.started'],
    ]);
  });

  it('takes everything back when the transaction fails', async () => {
    const ref = await running();
    const before = await sandbox.events(ref.jobId);
    const failing = inAcme(async (tx) => {
      await endProgram(tx, ref, over(at()), alice, at());
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await sandbox.events(ref.jobId)).toEqual(before);
    await sandbox.billing.answer();
    expect(sandbox.billing.about(ref.jobId, 'sandbox.attempt-finished')).toEqual([]);
  });
});

describe('usage', () => {
  it('is told once, whoever ends the program, however often', async () => {
    const ref = await running();
    const started = (await sandbox.attempt(ref.jobId))?.startedAt ?? at();
    await Promise.all(
      Array.from({ length: 6 }, () =>
        inAcme((tx) => endProgram(tx, ref, over(started), alice, at())),
      ),
    );
    await sandbox.billing.answer();
    expect(sandbox.billing.about(ref.jobId, 'sandbox.attempt-finished')).toMatchObject([
      { attempt: 1, wallMs: 1_234, cpuMs: 10, memoryPeakBytes: 20 },
    ]);
  });

  it('is told in total last: a sample that comes late is none', async () => {
    const ref = await running();
    await inAcme((tx) => endProgram(tx, ref, over(at()), alice, at()));
    const before = await sandbox.events(ref.jobId);
    const sample = { wallMs: 1, cpuMs: 1, memoryBytes: 1, memoryPeakBytes: 1, at: at() };
    await inAcme((tx) => sampleUsage(tx, ref, sample));
    expect(await sandbox.events(ref.jobId)).toEqual(before);
  });

  it('is never less than what was sampled', async () => {
    const ref = await running();
    const sample = { wallMs: 10.7, cpuMs: 500.2, memoryBytes: 1, memoryPeakBytes: 900, at: at() };
    await inAcme((tx) => sampleUsage(tx, ref, sample));
    await inAcme((tx) => endProgram(tx, ref, over(at()), alice, at()));
    await sandbox.billing.answer();
    expect(sandbox.billing.about(ref.jobId, 'sandbox.attempt-finished')).toMatchObject([
      { cpuMs: 500, memoryPeakBytes: 900 },
    ]);
  });
});

describe('output', () => {
  const lines = (...texts: string[]): LogLine[] =>
    texts.map((text) => ({ stream: 'stdout', at: at(), text, truncated: false }));
  const piece = (from: string, to: string, ...texts: string[]) => ({
    ...{ from, to, gap: undefined },
    lines: lines(...texts),
  });

  it('is kept once when two read the same, and the second is turned away', async () => {
    const ref = await running();
    const recorded = await Promise.all(
      Array.from({ length: 5 }, () =>
        inAcme<string>((tx) => recordOutput(tx, ref, piece('', '2', 'a', 'b'))),
      ),
    );
    expect(recorded.filter((one) => one === 'recorded')).toHaveLength(1);
    expect(recorded.filter((one) => one === 'turned-away')).toHaveLength(4);
    await inAcme((tx) => recordOutput(tx, ref, piece('2', '3', 'c')));
    expect((await sandbox.lines(ref.jobId)).map(({ n, text }) => [n, text])).toEqual([
      ...[
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ],
    ]);
  });

  it('is not kept of a job that is over: nothing comes after its end', async () => {
    const ref = await running();
    await inAcme(async (tx) => {
      await endProgram(tx, ref, over(at()), alice, at());
      await finishJob(tx, ref, alice, at());
    });
    const before = await sandbox.events(ref.jobId);
    expect(await inAcme((tx) => recordOutput(tx, ref, piece('', '1', 'late')))).toBe('over');
    const id = await sandbox.db.tx('acme', (tx) => expectContent(tx, ref, at()));
    const file = { id, path: 'late', bytes: 4, sha256: '00', mediaType: 'text/plain' };
    expect(await inAcme((tx) => keepArtifact(tx, ref, file, at()))).toBe(false);
    const usage = { wallMs: 1, cpuMs: 1, memoryBytes: 1, memoryPeakBytes: 1, at: at() };
    await inAcme((tx) => sampleUsage(tx, ref, usage));
    expect(await sandbox.events(ref.jobId)).toEqual(before);
    expect(await sandbox.rows('acme', 'select 1 from artifact_content where kept')).toEqual([]);
  });

  it('is kept as it was printed: empty lines, long ones, and any character', async () => {
    const ref = await running();
    const odd = ['', ' ', 'x'.repeat(16_384), '🙂 ñ \u001b[31m', '"\\', '\ufffd'];
    await inAcme((tx) => recordOutput(tx, ref, piece('', '1', ...odd)));
    expect((await sandbox.lines(ref.jobId)).map(({ text }) => text)).toEqual(odd);
  });
});

describe('a file', () => {
  it('whose content is being swept is not kept: it has to be put again', async () => {
    const ref = await running();
    await inAcme((tx) => endProgram(tx, ref, over(at()), alice, at()));
    const id = await sandbox.db.tx('acme', (tx) => expectContent(tx, ref, at()));
    await inAcme((tx) => beginRemoval(tx, id));
    const file = { id, path: 'a', bytes: 2, sha256: '00', mediaType: 'text/plain' };
    await expect(inAcme((tx) => keepArtifact(tx, ref, file, at()))).rejects.toMatchObject({
      code: 'CONFLICT',
      retryable: true,
    });
    expect(
      await sandbox.rows('acme', `select 1 from artifact where job_id = $1`, [ref.jobId]),
    ).toEqual([]);
  });

  it('that is kept is not swept', async () => {
    const ref = await running();
    await inAcme((tx) => endProgram(tx, ref, over(at()), alice, at()));
    const id = await sandbox.db.tx('acme', (tx) => expectContent(tx, ref, at()));
    const file = { id, path: 'a', bytes: 2, sha256: '00', mediaType: 'text/plain' };
    await inAcme((tx) => keepArtifact(tx, ref, file, at()));
    expect(await inAcme((tx) => beginRemoval(tx, id))).toBe(false);
  });
});
