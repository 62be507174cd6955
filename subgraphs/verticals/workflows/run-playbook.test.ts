import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { VerticalsUnderTest } from '../fixtures/verticals.ts';
import { alice, bob, openVerticals, runCheckWith } from '../fixtures/verticals.ts';
import type { JobEnd } from '../domain/job-end.ts';
import { approvalOfStep, endApproval } from '../store/approvals.ts';
import { wishRun } from '../store/runs.ts';

let verticals: VerticalsUnderTest;
beforeAll(async () => {
  verticals = await openVerticals(runCheckWith({ attemptsMax: 4 }));
});
afterAll(() => verticals.close());
afterEach(() => {
  verticals.graph.onSubmit = () => Promise.resolve();
  verticals.clock.ahead = 0;
});

const passed: JobEnd = { state: 'SUCCEEDED', reasonCode: null, exitCode: 0 };

/** Ends the run's job this way, as soon as there is one. */
function finishing(runId: string, end = passed) {
  return () => {
    const job = verticals.jobOf(runId);
    if (job && !job.end) verticals.graph.finish(job.id, end);
    return Promise.resolve();
  };
}

async function decide(
  runId: string,
  state: 'APPROVED' | 'REJECTED',
  comment: string | null = null,
) {
  await verticals.db.tx('acme', async (tx) => {
    const approval = await approvalOfStep(tx, runId, 'approve-report');
    if (approval) await endApproval(tx, approval, { state, comment }, bob, new Date());
  });
}

/** Ends the job, then has bob decide. */
function deciding(runId: string, state: 'APPROVED' | 'REJECTED', comment: string | null = null) {
  return async () => {
    await finishing(runId)();
    await decide(runId, state, comment);
  };
}

async function cancel(runId: string) {
  const wish = { kind: 'stop', reason: { code: 'CANCELLED', message: 'enough' } } as const;
  await verticals.db.tx('acme', (tx) => wishRun(tx, runId, wish, alice, new Date()));
}

async function reportOf(runId: string): Promise<unknown> {
  const rows = await verticals.rows('acme', 'select state from check_report where run_id = $1', [
    runId,
  ]);
  return rows[0]?.['state'];
}

describe('a run of the check', () => {
  it('submits the job as its AI employee, waits, asks, and publishes what was approved', async () => {
    const id = await verticals.queue();
    await verticals.durable(id, deciding(id, 'APPROVED'))();
    expect(await verticals.run(id)).toMatchObject({ state: 'SUCCEEDED', reasonCode: null });
    expect(Object.values(await verticals.steps(id))).toEqual(Array(5).fill('SUCCEEDED'));
    expect(await reportOf(id)).toBe('PUBLISHED');
    expect(verticals.jobOf(id)).toMatchObject({
      employee: { tenant: 'acme', id: 'check-runner', scopes: ['sandbox:read', 'sandbox:write'] },
      order: { idempotencyKey: `${id}:submit-check` },
      cancelledFor: undefined,
    });
  });

  it('tells its story without gaps, and ends it once', async () => {
    const id = await verticals.queue();
    await verticals.durable(id, deciding(id, 'APPROVED'))();
    const events = await verticals.eventsOf(id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, at) => at + 1));
    const states = events.filter(({ type }) => type === 'run.state-changed');
    expect(states.map(({ payload }) => (payload as { state: string }).state)).toEqual([
      'QUEUED',
      'RUNNING',
      'WAITING_FOR_JOB',
      'RUNNING',
      'WAITING_FOR_APPROVAL',
      'RUNNING',
      'SUCCEEDED',
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'run.finished', payload: { state: 'SUCCEEDED' } });
    expect(events.filter(({ type }) => type === 'run.finished')).toHaveLength(1);
  });

  it('fails with a typed reason when the sandbox refuses the job, and has nothing to take back', async () => {
    verticals.graph.onSubmit = (order) =>
      Promise.resolve(Object.assign(order, { template: 'cobol' })).then(() => undefined);
    const id = await verticals.queue();
    await verticals.durable(id)();
    expect(await verticals.run(id)).toMatchObject({ state: 'FAILED', reasonCode: 'JOB_REFUSED' });
    expect(await verticals.steps(id)).toMatchObject({
      'submit-check': 'FAILED',
      'await-check': 'SKIPPED',
    });
  });

  it('fails when the job fails, and says how it ended', async () => {
    const id = await verticals.queue();
    const failed = { state: 'FAILED', reasonCode: 'OOM_KILLED', exitCode: 137 };
    await verticals.durable(id, finishing(id, failed))();
    const run = await verticals.run(id);
    expect(run).toMatchObject({ state: 'FAILED', reasonCode: 'JOB_FAILED' });
    expect(run?.reasonMessage).toContain('OOM_KILLED, exit code 137');
    expect(await reportOf(id)).toBeUndefined();
    expect(verticals.jobOf(id)?.cancelledFor).toBeUndefined();
  });

  it('withdraws the report when somebody rejects it', async () => {
    const id = await verticals.queue();
    await verticals.durable(id, deciding(id, 'REJECTED', 'not now'))();
    expect(await verticals.run(id)).toMatchObject({
      state: 'FAILED',
      reasonCode: 'APPROVAL_REJECTED',
      reasonMessage: 'Rejected by bob: not now',
    });
    expect(await reportOf(id)).toBe('WITHDRAWN');
    expect(await verticals.steps(id)).toMatchObject({
      'submit-check': 'SUCCEEDED',
      'draft-report': 'COMPENSATED',
      'approve-report': 'FAILED',
      'publish-report': 'SKIPPED',
    });
  });

  it('takes nobody’s answer before the deadline for a no', async () => {
    const id = await verticals.queue();
    const turn = verticals.durable(id, async () => {
      await finishing(id)();
      const asked = await verticals.db.tx('acme', (tx) => approvalOfStep(tx, id, 'approve-report'));
      if (asked) verticals.clock.ahead = 3 * 86_400_000;
    });
    await turn();
    expect(await verticals.run(id)).toMatchObject({
      state: 'FAILED',
      reasonCode: 'APPROVAL_EXPIRED',
    });
    const [approval] = await verticals.rows('acme', 'select * from approval where run_id = $1', [
      id,
    ]);
    expect(approval).toMatchObject({ state: 'EXPIRED', decided_by_id: null, decided_at: null });
    expect(await reportOf(id)).toBe('WITHDRAWN');
  });

  it('asks again with the same key when no answer came, and counts its attempts', async () => {
    const id = await verticals.queue();
    verticals.graph.breakNext('submitJob', 1, 'after');
    verticals.graph.breakNext('submitJob', 1, 'before');
    await verticals.durable(id, deciding(id, 'APPROVED'))();
    expect(await verticals.run(id)).toMatchObject({ state: 'SUCCEEDED' });
    const keys = verticals.graph.jobs.map((job) => job.order.idempotencyKey);
    expect(keys.filter((key) => key.startsWith(id))).toHaveLength(1);
    const [step] = await verticals.rows(
      'acme',
      `select attempts from run_step where run_id = $1 and name = 'submit-check'`,
      [id],
    );
    expect(step).toEqual({ attempts: 3 });
  });

  it('never reads silence as a no: a job that may exist is found and cancelled', async () => {
    const id = await verticals.queue();
    verticals.graph.breakNext('submitJob', 4, 'after');
    verticals.graph.breakNext('cancelJob', 2, 'before');
    await verticals.durable(id)();
    expect(await verticals.run(id)).toMatchObject({
      state: 'FAILED',
      reasonCode: 'TOOL_UNAVAILABLE',
    });
    expect(verticals.jobOf(id)?.cancelledFor).toContain('got no answer after 4 attempts');
    expect(await verticals.steps(id)).toMatchObject({ 'submit-check': 'COMPENSATED' });
  });
});

describe('a cancel', () => {
  it('before the first step leaves nothing to be done', async () => {
    const id = await verticals.queue();
    await cancel(id);
    await verticals.durable(id)();
    expect(await verticals.run(id)).toMatchObject({ state: 'CANCELLED', reasonCode: 'CANCELLED' });
    expect(verticals.jobOf(id)).toBeUndefined();
  });

  it('during the submission takes the job back all the same', async () => {
    const id = await verticals.queue();
    verticals.graph.onSubmit = () => cancel(id);
    await verticals.durable(id)();
    expect(await verticals.run(id)).toMatchObject({ state: 'CANCELLED' });
    expect(verticals.jobOf(id)).toMatchObject({ cancelledFor: 'enough' });
  });

  it('while the job runs cancels the job', async () => {
    const id = await verticals.queue();
    await verticals.durable(id, () => cancel(id))();
    expect(await verticals.run(id)).toMatchObject({ state: 'CANCELLED' });
    expect(verticals.jobOf(id)).toMatchObject({ cancelledFor: 'enough' });
  });

  it('while somebody is asked takes the question and the report back', async () => {
    const id = await verticals.queue();
    await verticals.durable(id, async () => {
      await finishing(id)();
      const asked = await verticals.db.tx('acme', (tx) => approvalOfStep(tx, id, 'approve-report'));
      if (asked) await cancel(id);
    })();
    expect(await verticals.run(id)).toMatchObject({ state: 'CANCELLED' });
    const [approval] = await verticals.rows('acme', 'select * from approval where run_id = $1', [
      id,
    ]);
    expect(approval).toMatchObject({ state: 'CANCELLED', decided_by_id: null });
    expect(await reportOf(id)).toBe('WITHDRAWN');
  });
});

describe('a kill at any point', () => {
  /** Kills a new run at each point in turn and takes it up again. */
  async function killEverywhere(
    onWaitOf: (id: string) => () => Promise<void>,
    check: (id: string) => Promise<void>,
  ) {
    let kills = 0;
    for (let killAt = 0; ; killAt += 1) {
      const id = await verticals.queue();
      const takeUp = verticals.durable(id, onWaitOf(id));
      const first = await takeUp(killAt);
      if (first.ended) return kills;
      kills += 1;
      expect((await takeUp()).ended).toBe(true);
      await check(id);
      const events = await verticals.eventsOf(id);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, at) => at + 1));
      expect(events.filter(({ type }) => type === 'run.finished')).toHaveLength(1);
      const keys = verticals.graph.jobs.map((job) => job.order.idempotencyKey);
      expect(keys.filter((key) => key.startsWith(id))).toHaveLength(1);
    }
  }

  it('changes nothing about an approved run: one job, one report, one end', async () => {
    const kills = await killEverywhere(
      (id) => deciding(id, 'APPROVED'),
      async (id) => {
        expect(await verticals.run(id)).toMatchObject({ state: 'SUCCEEDED' });
        expect(await reportOf(id)).toBe('PUBLISHED');
      },
    );
    expect(kills).toBeGreaterThan(20);
  }, 180_000);

  it('changes nothing about a cancelled one: its job is cancelled', async () => {
    const kills = await killEverywhere(
      (id) => () => cancel(id),
      async (id) => {
        expect(await verticals.run(id)).toMatchObject({ state: 'CANCELLED' });
        expect(verticals.jobOf(id)).toMatchObject({ cancelledFor: 'enough' });
        expect(await verticals.steps(id)).toMatchObject({ 'submit-check': 'COMPENSATED' });
      },
    );
    expect(kills).toBeGreaterThan(15);
  }, 180_000);
});
