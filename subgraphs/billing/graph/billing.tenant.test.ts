import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BillingUnderTest } from '../fixtures/billing.ts';
import { jobCostQuery, openBilling, submission, usage } from '../fixtures/billing.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
  await billing.submitted('acme', submission('job_running'));
  await billing.submitted('acme', submission('job_done'));
  await billing.finished('acme', usage('job_done'));
  await meterUsage('acme');
});
afterAll(() => billing.close());

/** One of each thing of metering: two meters, an event, and what was said of it later. */
async function meterUsage(tenant: string): Promise<void> {
  const mutation = `mutation {
    a: createMeter(input: { idempotencyKey: "a", slug: "a", name: "A", eventType: "used",
      aggregation: SUM, valueProperty: "n", unit: "u" }) { __typename }
    b: createMeter(input: { idempotencyKey: "b", slug: "b", name: "B", eventType: "used",
      aggregation: UNIQUE, valueProperty: "n", unit: "u" }) { __typename }
    c: ingestUsageEvents(input: { idempotencyKey: "c",
      events: [{ id: "e1", source: "s", type: "used", data: { n: 1 } }] }) { __typename }
    d: correctUsageEvent(input: { idempotencyKey: "d", id: "e1", source: "s", data: { n: 2 },
      reason: "r" }) { __typename } }`;
  expect((await billing.ask({ tenant }, mutation)).errors).toBeUndefined();
}

const tables = [
  'billing_account',
  'ledger_account',
  'ledger_transaction',
  'ledger_entry',
  'credit_hold',
  'usage_fact',
  'charge',
  'meter',
  'usage_event',
  'usage_amendment',
  'usage_bucket',
  'usage_unique',
];

describe("another tenant's facts", () => {
  it.each(['job_running', 'job_done'])(
    'answer as for a job that does not exist: %s',
    async (id) => {
      const answer = async (jobId: string, state: string) => {
        const usage = { cpuMillicores: 1000, memoryMib: 1024, billableMs: 60_000 };
        const representations = [{ __typename: 'Job', id: jobId, state, usage }];
        return billing.ask({ tenant: 'globex' }, jobCostQuery, { representations });
      };
      for (const state of ['QUEUED', 'RUNNING', 'SUCCEEDED', 'CANCELLED']) {
        expect(await answer(id, state)).toEqual(await answer('job_missing', state));
      }
    },
  );

  it('answer as missing for a tenant by id, and in credit and spend', async () => {
    const query = `query ($representations: [_Any!]!) {
      _entities(representations: $representations) { ... on Tenant { id name } } }`;
    const answer = (id: string) =>
      billing.ask({ tenant: 'globex' }, query, {
        representations: [{ __typename: 'Tenant', id }],
      });
    expect(await answer('acme')).toEqual(await answer('nobody'));
    expect((await answer('globex')).data).toEqual({
      _entities: [{ id: 'globex', name: 'Globex' }],
    });
    const { data } = await billing.ask(
      { tenant: 'globex' },
      '{ tenant { id credit { held { amountMinor } } spend(to: "2030-01-01T00:00:00Z", from: "2020-01-01T00:00:00Z") { jobs } } }',
    );
    expect(data).toEqual({
      tenant: { id: 'globex', credit: { held: { amountMinor: '0' } }, spend: { jobs: 0 } },
    });
  });

  it.each(tables)('are out of reach in the database itself: %s', async (table) => {
    expect(await billing.rows('acme', `select * from ${table}`)).not.toEqual([]);
    expect(await billing.rows('globex', `select * from ${table}`)).toEqual([]);
  });

  it.each(tables)('cannot be written under another name: %s', async (table) => {
    const stolen = `insert into ${table} select * from jsonb_populate_record(null::${table}, $1)`;
    const [row] = await billing.rows('acme', `select to_jsonb(t) as row from ${table} t limit 1`);
    await expect(billing.rows('globex', stolen, [JSON.stringify(row?.['row'])])).rejects.toThrow(
      'row-level security',
    );
  });

  it('may have the same job id without touching ours', async () => {
    await billing.finished('globex', usage('job_done', { wallMs: 7_200_000 }));
    const charges = (tenant: string) => billing.rows(tenant, 'select amount_minor from charge');
    expect(await charges('acme')).toEqual([{ amount_minor: '7' }]);
    expect(await charges('globex')).toEqual([{ amount_minor: '13' }]);
  });
});
