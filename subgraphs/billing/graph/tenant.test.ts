import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BillingUnderTest } from '../fixtures/billing.ts';
import { openBilling, submission, usage } from '../fixtures/billing.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
});
afterAll(() => billing.close());

const spend = `query ($from: DateTime, $to: DateTime) {
  tenant { spend(from: $from, to: $to) { from to jobs attempts total { amountMinor currency } } }
}`;

describe('a tenant', () => {
  it('has its opening credit before it ever spent anything', async () => {
    const { data } = await billing.ask(
      { tenant: 'fresh' },
      '{ tenant { id name credit { balance { amountMinor } held { amountMinor } available { amountMinor } } } }',
    );
    expect(data).toEqual({
      tenant: {
        id: 'fresh',
        name: 'Fresh',
        credit: {
          balance: { amountMinor: '10000' },
          held: { amountMinor: '0' },
          available: { amountMinor: '10000' },
        },
      },
    });
  });

  it('sees balance = available + held while jobs are under way', async () => {
    await billing.submitted('running', submission('job_1'));
    const { data } = await billing.ask(
      { tenant: 'running' },
      '{ tenant { credit { balance { amountMinor } held { amountMinor } available { amountMinor } } } }',
    );
    const credit = {
      balance: { amountMinor: '10000' },
      held: { amountMinor: '67' },
      available: { amountMinor: '9933' },
    };
    expect(data).toEqual({ tenant: { credit } });
  });

  it('sees what it was charged, by job and by attempt, this month by default', async () => {
    await billing.finished('spender', usage('job_1'));
    await billing.finished('spender', usage('job_1', { attempt: 2 }));
    await billing.finished('spender', usage('job_2'));
    const { data } = await billing.ask({ tenant: 'spender' }, spend, {
      to: '2026-05-06T00:00:00.000Z',
    });
    const expected = {
      from: '2026-05-01T00:00:00.000Z',
      to: '2026-05-06T00:00:00.000Z',
      jobs: 2,
      attempts: 3,
      total: { amountMinor: '21', currency: 'USD' },
    };
    expect(data).toEqual({ tenant: { spend: expected } });
  });

  it('counts a charge in exactly one of two spans that touch', async () => {
    await billing.finished('touching', usage('job_1'));
    const settledAt = billing.clock.now().toISOString();
    const jobs = async (from: string, to: string) =>
      (await billing.ask({ tenant: 'touching' }, spend, { from, to })).data;
    expect(await jobs('2026-01-01T00:00:00.000Z', settledAt)).toMatchObject({
      tenant: { spend: { jobs: 0 } },
    });
    expect(await jobs(settledAt, '2027-01-01T00:00:00.000Z')).toMatchObject({
      tenant: { spend: { jobs: 1 } },
    });
  });

  it('is told when a span ends before it begins', async () => {
    const { errors } = await billing.ask({ tenant: 'spender' }, spend, {
      from: '2026-02-01T00:00:00.000Z',
      to: '2026-01-01T00:00:00.000Z',
    });
    expect(errors?.[0]?.message).toContain('ends before it begins');
  });
});

describe('the price list', () => {
  const prices = `query ($at: DateTime) { priceList(at: $at) {
    version currency vcpuSecondMicroMinor gibSecondMicroMinor minimum { amountMinor } } }`;

  it('is the one in force', async () => {
    const { data } = await billing.ask({ tenant: 'fresh' }, prices);
    const priceList = {
      version: 1,
      currency: 'USD',
      vcpuSecondMicroMinor: 1400,
      gibSecondMicroMinor: 450,
      minimum: { amountMinor: '1' },
    };
    expect(data).toEqual({ priceList });
  });

  it('is refused, not invented, for a time before the first one', async () => {
    const { errors } = await billing.ask({ tenant: 'fresh' }, prices, {
      at: '2020-01-01T00:00:00.000Z',
    });
    expect(errors?.[0]?.message).toContain('No price list');
  });
});
