import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { expectOrderlyEnd } from '../fixtures/orderly-end.ts';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';
import type { Script } from '../fixtures/scripted-runner.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());
afterEach(() => {
  sandbox.scripted.onCall = () => Promise.resolve();
});

const printing: Script = {
  lines: ['one', '::progress {"percent":40}', 'two', ['stderr', 'three']],
  linesPerRead: 1,
  files: { 'report.txt': 'all is well', 'data/a.csv': '1,2' },
  refusedFiles: ['link'],
};
const expectOrderly = (id: string) => expectOrderlyEnd(sandbox, id);

describe('a cancel', () => {
  it('stops a program that runs, keeps what it printed, and charges it', async () => {
    sandbox.scripted.script = () => ({ lines: ['so far'], runningLooks: 1_000 });
    const id = await sandbox.admitted();
    const running = sandbox.run(id)();
    await untilState(id, 'RUNNING');
    expect(await sandbox.cancel(id)).toBe('stop');
    await running;
    expect(await sandbox.job(id)).toMatchObject({
      state: 'CANCELLED',
      reasonCode: 'CANCELLED_BY_USER',
    });
    expect(sandbox.scripted.stops.find(({ key }) => key.jobId === id)).toMatchObject({
      graceMs: 5_000,
    });
    expect((await sandbox.lines(id)).map(({ text }) => text)).toEqual(['so far']);
    await expectOrderly(id);
    expect(sandbox.billing.about(id, 'sandbox.attempt-finished')).toHaveLength(1);
  });

  it('before the start has nothing started and gives the credit back', async () => {
    const id = await sandbox.admitted();
    await sandbox.cancel(id);
    await sandbox.run(id)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'CANCELLED' });
    expect(sandbox.scripted.started.some(({ jobId }) => jobId === id)).toBe(false);
    await expectOrderly(id);
    expect(sandbox.billing.about(id, 'sandbox.hold-unneeded')).toHaveLength(1);
  });

  it('in the queue ends the job at once', async () => {
    const id = await sandbox.submit();
    expect(await sandbox.cancel(id)).toBe('end');
    expect(await sandbox.job(id)).toMatchObject({ state: 'CANCELLED' });
    expect(await sandbox.cancel(id)).toBe('over');
    await expectOrderly(id);
  });

  it('while files are collected wins over the verdict, once', async () => {
    sandbox.scripted.script = () => printing;
    const id = await sandbox.admitted();
    let files = 0;
    sandbox.scripted.onCall = async (method, when) => {
      if (method === 'artifacts' && when === 'after' && (files += 1) === 1)
        await sandbox.cancel(id);
    };
    await sandbox.run(id)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'CANCELLED' });
    await expectOrderly(id);
  });
});

describe('a kill', () => {
  it('at any point is survived: started once, written once, charged once, ended once', async () => {
    sandbox.scripted.script = () => printing;
    let killAt = 0;
    for (let isKilled = true; isKilled; killAt += 1) {
      const id = await sandbox.admitted();
      isKilled = !(await sandbox.run(id)(killAt)).ended;
      expect(await sandbox.run(id)()).toMatchObject({ ended: true });
      expect(await sandbox.job(id)).toMatchObject({
        state: 'SUCCEEDED',
        reasonCode: 'ARTIFACTS_REFUSED',
      });
      expect((await sandbox.lines(id)).map(({ text }) => text)).toEqual(['one', 'two', 'three']);
      const events = await expectOrderly(id);
      expect(events.filter(({ type }) => type === 'job.progress')).toHaveLength(1);
      expect(events.filter(({ type }) => type === 'job.artifact-added')).toHaveLength(2);
      expect(events.filter(({ type }) => type === 'job.artifact-refused')).toHaveLength(1);
      expect(sandbox.scripted.started.filter(({ jobId }) => jobId === id)).toHaveLength(1);
    }
    expect(killAt).toBeGreaterThan(40);
  }, 400_000);

  it('during a cancel ends it CANCELLED all the same', async () => {
    sandbox.scripted.script = () => ({ lines: ['a'], runningLooks: 1_000 });
    const cancelling = async (id: string, killAt?: number) => {
      sandbox.scripted.onCall = async (method) => {
        if (method === 'read' && (await sandbox.job(id))?.state === 'RUNNING') {
          await sandbox.cancel(id);
        }
      };
      return sandbox.run(id)(killAt);
    };
    const { points } = await cancelling(await sandbox.admitted());
    for (let killAt = 0; killAt < points; killAt += 3) {
      const id = await sandbox.admitted();
      await cancelling(id, killAt);
      expect(await cancelling(id)).toMatchObject({ ended: true });
      expect(await sandbox.job(id)).toMatchObject({ state: 'CANCELLED' });
      await expectOrderly(id);
    }
  }, 400_000);
});

async function untilState(id: string, state: string) {
  while ((await sandbox.job(id))?.state !== state) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
