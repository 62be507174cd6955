import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BillingUnderTest } from '../fixtures/billing.ts';
import { jobCostQuery, openBilling, submission, usage } from '../fixtures/billing.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
});
afterAll(() => billing.close());

interface Cost {
  readonly total: Amount;
  readonly settled: Amount;
  readonly held: Amount;
  readonly final: boolean;
}
interface Amount {
  readonly amountMinor: string;
}

async function costOf(tenant: string, id: string, state: string, billableMs?: number) {
  const used =
    billableMs === undefined ? null : { cpuMillicores: 1000, memoryMib: 1024, billableMs };
  const representations = [{ __typename: 'Job', id, state, usage: used }];
  const { data, errors } = await billing.ask({ tenant }, jobCostQuery, { representations });
  expect(errors).toBeUndefined();
  const [{ cost }] = (data as { _entities: [{ cost: Cost }] })._entities;
  const { total, settled, held, final } = cost;
  return [total.amountMinor, settled.amountMinor, held.amountMinor, final];
}

describe('the cost of a job', () => {
  it('is priced live while it runs, and is the settled charge after', async () => {
    await billing.submitted('live', submission('job_1'));
    expect(await costOf('live', 'job_1', 'QUEUED')).toEqual(['0', '0', '67', false]);
    expect(await costOf('live', 'job_1', 'RUNNING', 0)).toEqual(['1', '0', '67', false]);
    expect(await costOf('live', 'job_1', 'RUNNING', 1_800_000)).toEqual(['3', '0', '67', false]);
    await billing.finished('live', usage('job_1'));
    expect(await costOf('live', 'job_1', 'SUCCEEDED', 3_600_000)).toEqual(['7', '7', '0', true]);
  });

  it('is the sum over its attempts', async () => {
    await billing.submitted('sum', submission('job_1'));
    await billing.finished('sum', usage('job_1'));
    await billing.submitted('sum', submission('job_1', { attempt: 2 }));
    expect(await costOf('sum', 'job_1', 'RUNNING', 5_400_000)).toEqual(['10', '7', '67', false]);
    await billing.finished('sum', usage('job_1', { attempt: 2 }));
    expect(await costOf('sum', 'job_1', 'FAILED', 7_200_000)).toEqual(['14', '14', '0', true]);
  });

  it('is a final nothing when the job was cancelled before it ran', async () => {
    await billing.submitted('never', submission('job_1'));
    expect(await costOf('never', 'job_1', 'CANCELLED')).toEqual(['0', '0', '67', false]);
    await billing.unneeded('never', { jobId: 'job_1', attempt: 1 });
    expect(await costOf('never', 'job_1', 'CANCELLED')).toEqual(['0', '0', '0', true]);
  });
});
