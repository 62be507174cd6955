import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { postponedForMs } from '../domain/postpone.ts';
import type { SandboxUnderTest } from '../fixtures/sandbox.ts';
import { openSandbox } from '../fixtures/sandbox.ts';
import { sweepDeadlines } from './sweep-deadlines.ts';

let sandbox: SandboxUnderTest;
beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(() => sandbox.close());
afterEach(() => {
  sandbox.scripted.script = () => ({});
  sandbox.clock.aheadMs = 0;
});

const inUse = 'The quota of its namespace is in use (pods=50).';
const noRoom = () => {
  sandbox.scripted.script = () => ({ postpones: inUse });
};
const waiting = async (id: string) => {
  const { data } = await sandbox.ask(
    { tenant: 'acme', scopes: ['sandbox:read'] },
    `{ job(id: "${id}") { state waiting { code message againAt } } }`,
  );
  return (data as { job: unknown }).job;
};

describe('fault 23: a job for which the cluster has no room', () => {
  it('goes back in line with its credit, says why and until when, and is not tried before', async () => {
    noRoom();
    const id = await sandbox.admitted();
    await sandbox.run(id)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'QUEUED', attempt: 1, postponed: 1 });
    expect(await sandbox.attempt(id)).toMatchObject({ hold: 'PLACED' });
    expect(await waiting(id)).toEqual({
      state: 'QUEUED',
      waiting: {
        code: 'WAITING_FOR_CLUSTER',
        message: expect.stringContaining(inUse) as unknown,
        againAt: expect.any(String) as unknown,
      },
    });
    await sandbox.admit();
    expect(await sandbox.job(id)).toMatchObject({ state: 'QUEUED' });
    sandbox.clock.aheadMs = 2_500;
    await sandbox.admit();
    expect(await sandbox.job(id)).toMatchObject({ state: 'ADMITTED', attempt: 1 });
  });

  it('runs as the same attempt once there is room, charged once', async () => {
    noRoom();
    const id = await sandbox.admitted();
    await sandbox.run(id)();
    sandbox.clock.aheadMs = 5_000;
    await sandbox.admit();
    sandbox.scripted.script = () => ({ lines: ['here'] });
    await sandbox.run(id, 1, 'acme', 1)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED', attempt: 1 });
    expect(sandbox.scripted.started.filter(({ jobId }) => jobId === id)).toHaveLength(1);
    expect(sandbox.billing.about(id, 'sandbox.job-submitted')).toHaveLength(1);
    expect(sandbox.billing.about(id, 'sandbox.hold-unneeded')).toHaveLength(0);
  });

  it('goes back once, wherever its run is killed, and a run that comes late touches nothing of its next turn', async () => {
    for (let killAt = 1; killAt <= 12; killAt += 1) {
      noRoom();
      const id = await sandbox.admitted();
      const late = sandbox.run(id);
      await late(killAt);
      sandbox.clock.aheadMs += 0;
      await late();
      expect(await sandbox.job(id)).toMatchObject({ state: 'QUEUED', postponed: 1 });
      sandbox.clock.aheadMs += 4_000;
      await sandbox.admit();
      sandbox.scripted.script = () => ({ runningLooks: 3 });
      await late();
      await sandbox.run(id, 1, 'acme', 1)();
      expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED' });
      sandbox.clock.aheadMs = 0;
    }
  });

  it('ends as one that waited too long, however often it is put off', async () => {
    noRoom();
    const id = await sandbox.admitted();
    for (let turn = 0; turn < 6; turn += 1) {
      await sandbox.run(id, 1, 'acme', turn)();
      sandbox.clock.aheadMs += 61_000;
      await sandbox.admit();
    }
    await sandbox.run(id, 1, 'acme', 6)();
    expect(await sandbox.job(id)).toMatchObject({ state: 'QUEUED', postponed: 7 });
    sandbox.clock.aheadMs = 24 * 3_600_000 + 1_000;
    await sweepDeadlines.run(sandbox.work);
    expect(await sandbox.job(id)).toMatchObject({ state: 'FAILED', reasonCode: 'QUEUE_TIMEOUT' });
  });

  it('is cancelled like any other, while it waits and while it is put off', async () => {
    noRoom();
    const [waits, meets] = [await sandbox.admitted(), await sandbox.admitted()];
    await sandbox.run(waits)();
    await sandbox.cancel(waits);
    await sandbox.cancel(meets);
    await sandbox.run(meets)();
    expect(await sandbox.job(waits)).toMatchObject({ state: 'CANCELLED' });
    expect(await sandbox.job(meets)).toMatchObject({ state: 'CANCELLED' });
  });

  it('is tried again ever more rarely, within a minute', () => {
    fc.assert(
      fc.property(fc.nat(10_000), (turn) => {
        const [now, next] = [postponedForMs(turn), postponedForMs(turn + 1)];
        return now >= 2_000 && next >= now && next <= 60_000;
      }),
    );
  });
});

describe('a start that others hold back', () => {
  it('is waited for beyond its own deadline while a queue of the cluster holds it, and says so', async () => {
    const held = { by: 'QUEUE', message: 'The queue "sandbox" has not let it in.' } as const;
    let looks = 1_000;
    sandbox.scripted.script = () => ({ startingLooks: looks, held });
    const id = await sandbox.admitted();
    const run = sandbox.run(id)();
    for (let minute = 0; minute < 5; minute += 1) {
      const before = (await sandbox.job(id))?.deadlineAt;
      sandbox.clock.aheadMs += 50_000;
      while ((await sandbox.job(id))?.deadlineAt?.getTime() === before?.getTime()) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(await waiting(id)).toMatchObject({
        state: 'CREATING',
        waiting: {
          code: 'WAITING_FOR_CLUSTER',
          message: expect.stringContaining('sandbox') as unknown,
        },
      });
    }
    for (const attempt of sandbox.scripted.present(id)) attempt.looks = looks;
    looks = 0;
    await run;
    expect(await sandbox.job(id)).toMatchObject({ state: 'SUCCEEDED', attempt: 1 });
  });

  it('is given up after the time that a job may wait', async () => {
    const held = { by: 'QUEUE', message: 'not yet' } as const;
    sandbox.scripted.script = () => ({ startingLooks: 100_000, held });
    const id = await sandbox.admitted();
    const run = sandbox.run(id)();
    await new Promise((resolve) => setTimeout(resolve, 50));
    sandbox.clock.aheadMs = 25 * 3_600_000;
    await run;
    expect((await sandbox.job(id))?.state).toBe('QUEUED');
    expect(sandbox.scripted.present(id)).toEqual([]);
  });

  it('is put off when what it needs is in use until its deadline', async () => {
    const held = { by: 'ROOM', message: 'in use' } as const;
    sandbox.scripted.script = () => ({ startingLooks: 100_000, held });
    const id = await sandbox.admitted();
    const run = sandbox.run(id)();
    await new Promise((resolve) => setTimeout(resolve, 50));
    sandbox.clock.aheadMs = 61_000;
    await run;
    expect(await sandbox.job(id)).toMatchObject({ state: 'QUEUED', attempt: 1, postponed: 1 });
    expect(sandbox.scripted.present(id)).toEqual([]);
  });
});
