import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { VerticalsUnderTest } from '../fixtures/verticals.ts';
import { openVerticals } from '../fixtures/verticals.ts';

let verticals: VerticalsUnderTest;
beforeAll(async () => {
  verticals = await openVerticals();
});
afterAll(() => verticals.close());

const failed = { state: 'FAILED', reasonCode: 'OOM_KILLED', exitCode: 137 };

/** A run whose job has been submitted and has not ended. */
async function awaitingJob() {
  const runId = await verticals.queue();
  await verticals.durable(runId, () => verticals.kill())();
  const job = verticals.jobOf(runId);
  expect(await verticals.run(runId)).toMatchObject({ state: 'WAITING_FOR_JOB' });
  return { runId, jobId: job?.id ?? '' };
}

describe('the end of a job', () => {
  it('is told to the run that submitted it, which then need not ask', async () => {
    const { runId, jobId } = await awaitingJob();
    await verticals.jobFinished('acme', { jobId, ...failed });
    const asked = verticals.graph.calls.filter((name) => name === 'jobEnd').length;
    await verticals.durable(runId)();
    expect(await verticals.run(runId)).toMatchObject({ state: 'FAILED', reasonCode: 'JOB_FAILED' });
    expect(verticals.graph.calls.filter((name) => name === 'jobEnd')).toHaveLength(asked);
  });

  it('is what the first message said, however often it is repeated', async () => {
    const { runId, jobId } = await awaitingJob();
    await verticals.jobFinished('acme', { jobId, state: 'SUCCEEDED' });
    await verticals.jobFinished('acme', { jobId, ...failed });
    const [row] = await verticals.rows('acme', 'select * from run_job where run_id = $1', [runId]);
    expect(row).toMatchObject({ job_state: 'SUCCEEDED', reason_code: null, exit_code: null });
  });

  it('of a job that no run submitted changes nothing, nor does one of another tenant', async () => {
    const { runId, jobId } = await awaitingJob();
    await verticals.jobFinished('acme', { jobId: 'job_of_a_partner', ...failed });
    await verticals.jobFinished('globex', { jobId, ...failed });
    const [row] = await verticals.rows('acme', 'select * from run_job where run_id = $1', [runId]);
    expect(row).toMatchObject({ job_state: null });
  });

  it('is asked about when nobody tells, so that a lost message costs time only', async () => {
    const { runId, jobId } = await awaitingJob();
    verticals.graph.breakNext('jobEnd', 2, 'before');
    let waits = 0;
    await verticals.durable(runId, async () => {
      waits += 1;
      if (waits === 2) verticals.graph.finish(jobId, failed);
    })();
    expect(await verticals.run(runId)).toMatchObject({ reasonCode: 'JOB_FAILED' });
  });

  it('that does not come in time stops the run and cancels the job', async () => {
    const { runId } = await awaitingJob();
    verticals.clock.ahead = 86_400_000;
    await verticals.durable(runId)();
    expect(await verticals.run(runId)).toMatchObject({ state: 'FAILED', reasonCode: 'JOB_LATE' });
    expect(verticals.jobOf(runId)?.cancelledFor).toContain('did not end within 86400 seconds');
    verticals.clock.ahead = 0;
  });
});

describe('a run that cannot go on', () => {
  it('for want of its playbook says so and ends', async () => {
    const runId = await verticals.queue();
    await verticals.durable(runId, undefined, 'acme', 'software-engineering.run-check@9')();
    expect(await verticals.run(runId)).toMatchObject({
      state: 'FAILED',
      reasonCode: 'PLAYBOOK_MISSING',
    });
  });

  it('for a bug takes back what it did instead of staying half done', async () => {
    const { runId, jobId } = await awaitingJob();
    verticals.graph.finish(jobId, { state: 'SUCCEEDED', reasonCode: null, exitCode: 0 });
    // The report of the run is there already, which cannot be.
    await verticals.rows(
      'acme',
      `insert into check_report (id, tenant_id, run_id, job_id, title, state, created_at)
       values ('report_x', 'acme', $1, 'job_x', 'x', 'DRAFT', now())`,
      [runId],
    );
    await verticals.durable(runId)();
    expect(await verticals.run(runId)).toMatchObject({ state: 'FAILED', reasonCode: 'INTERNAL' });
    expect(await verticals.steps(runId)).toMatchObject({
      'draft-report': 'SKIPPED',
      'publish-report': 'SKIPPED',
    });
  });
});
