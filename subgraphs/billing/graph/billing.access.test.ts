import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { permissions } from '../../shared/access.ts';
import type { BillingUnderTest } from '../fixtures/billing.ts';
import { jobCostQuery, openBilling } from '../fixtures/billing.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
});
afterAll(() => billing.close());

const operations = {
  'the cost of a job': jobCostQuery,
  'the spend of a tenant': '{ tenant { spend { jobs } } }',
  'the credit of a tenant': '{ tenant { credit { held { amountMinor } } } }',
  'the price list': '{ priceList { version } }',
  'the accounts of the ledger': '{ ledgerAccounts { edges { node { balance { amountMinor } } } } }',
  'the transactions of the ledger':
    '{ ledgerTransactions { edges { node { entries { amount { amountMinor } } } } } }',
  'a transaction of the ledger': '{ ledgerTransaction(id: "ltx_0") { kind } }',
  'the plans': '{ plans { edges { node { slug } } } }',
  'the subscriptions': '{ subscriptions { edges { node { customer } } } }',
  'the invoices': '{ invoices { edges { node { customer } } } }',
  'an invoice': '{ invoice(id: "inv_0") { customer } }',
  'what would be billed': '{ invoicePreview(subscriptionId: "sub_0") { total { amountMinor } } }',
  'the meters': '{ meters { edges { node { slug } } } }',
  'a meter': '{ meter(id: "meter_0") { slug } }',
  'the usage events': '{ usageEvents { edges { node { data } } } }',
  'the trial balance': '{ trialBalance { totals { debits { amountMinor } } } }',
};
const representations = [{ __typename: 'Job', id: 'job_1', state: 'QUEUED', usage: null }];

describe.each(Object.entries(operations))('%s', (_what, query) => {
  it('is told to whoever may read billing', async () => {
    const caller = { tenant: 'acme', scopes: ['billing:read'] };
    expect((await billing.ask(caller, query, { representations })).errors).toBeUndefined();
  });

  it.each([
    ['nothing at all', []],
    ['everything but billing', permissions.filter((one) => one !== 'billing:read')],
    ['something unknown', ['billing', 'billing:*', 'billing:reader']],
  ])('is refused to whoever may do %s', async (_scopes, scopes) => {
    const { data, errors } = await billing.ask({ tenant: 'acme', scopes }, query, {
      representations,
    });
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(data)).not.toMatch(/amountMinor|jobs|version/);
  });
});

const changes = {
  'making a meter': `mutation { createMeter(input: { idempotencyKey: "a", slug: "m", name: "M",
    eventType: "t", aggregation: COUNT, unit: "u" }) { __typename } }`,
  'archiving a meter':
    'mutation { archiveMeter(input: { idempotencyKey: "b", id: "meter_0" }) { __typename } }',
  'sending usage': `mutation { ingestUsageEvents(input: { idempotencyKey: "c",
    events: [{ id: "e", source: "s", type: "t" }] }) { __typename } }`,
  'correcting usage': `mutation { correctUsageEvent(input: { idempotencyKey: "d", id: "e", source: "s",
    data: {}, reason: "r" }) { __typename } }`,
  'making a plan': `mutation { createPlanVersion(input: { idempotencyKey: "f", slug: "p", name: "P",
    currency: "USD", interval: MONTH, charges: [] }) { __typename } }`,
  subscribing: `mutation { subscribe(input: { idempotencyKey: "g", planId: "plan_0", customer: "c" })
    { __typename } }`,
  'changing a subscription': `mutation { changeSubscription(input: { idempotencyKey: "h", id: "sub_0",
    planId: "plan_0", at: NOW }) { __typename } }`,
  'cancelling a subscription': `mutation { cancelSubscription(input: { idempotencyKey: "i", id: "sub_0",
    at: NOW }) { __typename } }`,
  'making an invoice final':
    'mutation { finalizeInvoice(input: { idempotencyKey: "j", id: "inv_0" }) { __typename } }',
  'voiding an invoice':
    'mutation { voidInvoice(input: { idempotencyKey: "k", id: "inv_0" }) { __typename } }',
  'writing an invoice off':
    'mutation { writeOffInvoice(input: { idempotencyKey: "l", id: "inv_0" }) { __typename } }',
  'setting a tax rate': `mutation { setTaxRate(input: { idempotencyKey: "m", country: "DE", name: "T",
    percent: "19" }) { __typename } }`,
  'voiding usage': `mutation { voidUsageEvent(input: { idempotencyKey: "e", id: "e", source: "s",
    reason: "r" }) { __typename } }`,
};

describe.each(Object.entries(changes))('%s', (_what, mutation) => {
  it('takes billing:write, and nothing else will do', async () => {
    const scopes = permissions.filter((one) => one !== 'billing:write');
    const refused = await billing.ask({ tenant: 'acme', scopes }, mutation);
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
    const allowed = await billing.ask({ tenant: 'acme', scopes: ['billing:write'] }, mutation);
    expect(allowed.errors).toBeUndefined();
  });
});

it('tells every caller which tenant it is, and no more', async () => {
  const { data } = await billing.ask({ tenant: 'acme', scopes: [] }, '{ tenant { id name } }');
  expect(data).toEqual({ tenant: { id: 'acme', name: 'Acme' } });
});
