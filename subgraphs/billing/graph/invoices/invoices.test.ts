import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BillingUnderTest } from '../../fixtures/billing.ts';
import { openBilling } from '../../fixtures/billing.ts';
import { linesOf, listInvoices, renderInvoice } from '../../store/invoices/invoices.ts';
import { billPeriods } from '../../workflows/bill-periods.ts';

const billing: BillingUnderTest = await openBilling();
afterAll(() => billing.close());
beforeEach(() => {
  billing.leapTo('2026-01-31T10:00:00Z');
});

let keys = 0;

async function asked(tenant: string, query: string, input: object = {}): Promise<unknown> {
  const idempotencyKey = `key-${String(++keys)}`;
  const { data, errors } = await billing.ask({ tenant }, query, {
    input: { idempotencyKey, ...input },
  });
  expect(errors).toBeUndefined();
  return Object.values(data ?? {})[0];
}

const mutation = (name: string, type: string, fields: string) =>
  `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ${fields} ... on Refusal { code message } } }`;
const invoiceFields = `state number subtotal { amountMinor } tax { amountMinor } total { amountMinor }
  lines { kind chargeKey quantity from to amount { amountMinor } tax { amountMinor } }`;

interface InvoiceShape {
  readonly id: string;
  readonly state: string;
  readonly number: number | null;
  readonly total: { amountMinor: string } | null;
  readonly lines: { kind: string; quantity: string | null; amount: { amountMinor: string } }[];
}

/** A tenant with a meter of tokens, a plan of a seat and of tokens by tiers, and a customer on it. */
async function subscribed(tenant: string) {
  const { meter } = (await asked(
    tenant,
    mutation('createMeter', 'CreateMeterInput', '... on CreateMeterSuccess { meter { id } }'),
    {
      ...{ slug: 'tokens', name: 'Tokens', eventType: 'used', unit: 'token' },
      ...{ aggregation: 'SUM', valueProperty: 'n' },
    },
  )) as { meter: { id: string } };
  const tiers = [{ upTo: '100', unitAmount: '2' }, { unitAmount: '1' }];
  const charges = [
    { key: 'seat', label: 'Seat', price: { kind: 'FLAT', amount: '3000' } },
    { key: 'tokens', label: 'Tokens', meterId: meter.id, price: { kind: 'GRADUATED', tiers } },
  ];
  const { plan } = (await asked(
    tenant,
    mutation(
      'createPlanVersion',
      'CreatePlanVersionInput',
      '... on CreatePlanVersionSuccess { plan { id } }',
    ),
    { slug: 'pro', name: 'Pro', currency: 'EUR', interval: 'MONTH', charges },
  )) as { plan: { id: string } };
  await asked(
    tenant,
    mutation('setTaxRate', 'SetTaxRateInput', '').replace('... on Refusal { code message }', ''),
    { country: 'DE', name: 'USt', percent: '19' },
  );
  const { subscription } = (await asked(tenant, subscribe, {
    ...{ planId: plan.id, customer: 'c1', country: 'DE' },
  })) as { subscription: { id: string } };
  return { planId: plan.id, subscriptionId: subscription.id };
}

const subscriptionFields = '... on SubscriptionSuccess { subscription { id endsAt nextBillAt } }';
const subscribe = mutation('subscribe', 'SubscribeInput', subscriptionFields);
const cancel = mutation('cancelSubscription', 'CancelSubscriptionInput', subscriptionFields);

async function used(tenant: string, id: string, n: number, time: string): Promise<void> {
  // An event from days ahead would be refused.
  if (new Date(time) > billing.clock.now()) billing.leapTo(time);
  const event = { id, source: 's', type: 'used', subject: 'c1', time, data: { n } };
  const ingest = mutation('ingestUsageEvents', 'IngestUsageEventsInput', '');
  await asked(tenant, ingest, { events: [event] });
}

async function invoicesOf(tenant: string): Promise<InvoiceShape[]> {
  const query = `{ invoices { edges { node { id ${invoiceFields} } } } }`;
  const { edges } = (await asked(tenant, query)) as { edges: { node: InvoiceShape }[] };
  return edges.map(({ node }) => node).reverse();
}

describe('an invoice', () => {
  it('is drafted when its period is over, final after its grace, taxed, and booked', async () => {
    const { subscriptionId } = await subscribed('simple');
    await used('simple', 'e1', 150, '2026-02-10T00:00:00Z');
    const preview = `{ invoicePreview(subscriptionId: "${subscriptionId}") {
      periodTo total { amountMinor } } }`;
    expect(await asked('simple', preview)).toEqual({
      periodTo: '2026-02-28T10:00:00.000Z',
      total: { amountMinor: '3868' },
    });
    billing.leapTo('2026-02-28T10:00:00Z');
    await billing.chore(billPeriods);
    expect(await invoicesOf('simple')).toMatchObject([
      { state: 'DRAFT', number: null, total: null },
    ]);
    billing.leapTo('2026-02-28T11:00:00Z');
    await billing.chore(billPeriods);
    expect(await invoicesOf('simple')).toMatchObject([
      {
        ...{ state: 'OPEN', number: 1, total: { amountMinor: '3868' } },
        lines: [
          { chargeKey: 'seat', amount: { amountMinor: '3000' }, tax: { amountMinor: '570' } },
          { chargeKey: 'tokens', quantity: '150', amount: { amountMinor: '250' } },
        ],
      },
    ]);
    expect(await billing.balances('simple')).toMatchObject({
      ...{ receivable: -3868, revenue: 3250, tax: 618 },
    });
  });

  it('is the same bytes whenever it is made of what is kept, and cannot be changed', async () => {
    await subscribed('bytes');
    await used('bytes', 'e1', 7, '2026-02-10T00:00:00Z');
    billing.leapTo('2026-03-02T00:00:00Z');
    await billing.chore(billPeriods);
    await billing.db.tx('bytes', async (tx) => {
      const [row] = await listInvoices(tx, { state: 'OPEN', limit: 1, beforeId: undefined });
      expect(row?.document).toBe(row && renderInvoice(row, await linesOf(tx, row.id)));
    });
    for (const change of [
      'update invoice set total_minor = 1, subtotal_minor = 1 - tax_minor',
      'delete from invoice_line',
      'update invoice_line set amount_minor = 0',
      'insert into invoice_line select tenant_id, invoice_id, 99, kind, charge_key, label, meter_id, quantity, from_at, to_at, 1, 0 from invoice_line limit 1',
    ]) {
      await expect(billing.rows('bytes', change)).rejects.toThrow(/final/);
    }
  });

  it('of usage that came late has one adjustment, and over time the same is billed', async () => {
    for (const [tenant, late] of [
      ['late', true],
      ['timely', false],
    ] as const) {
      billing.leapTo('2026-01-31T10:00:00Z');
      await subscribed(tenant);
      await used(tenant, 'e1', 90, '2026-02-10T00:00:00Z');
      if (!late) await used(tenant, 'e2', 40, '2026-02-11T00:00:00Z');
      billing.leapTo('2026-03-01T00:00:00Z');
      await billing.chore(billPeriods);
      if (late) await used(tenant, 'e2', 40, '2026-02-11T00:00:00Z');
      billing.leapTo('2026-05-01T00:00:00Z');
      await billing.chore(billPeriods);
    }
    const [late, timely] = [await invoicesOf('late'), await invoicesOf('timely')];
    const lines = late.flatMap((invoice) => invoice.lines);
    expect(lines.filter(({ kind }) => kind === 'ADJUSTMENT')).toMatchObject([
      { quantity: '130', amount: { amountMinor: '50' } },
    ]);
    const total = (invoices: InvoiceShape[]) =>
      invoices.reduce((sum, one) => sum + Number(one.total?.amountMinor), 0);
    expect(late).toHaveLength(3);
    expect(total(late)).toBe(total(timely));
  });

  it('has the next number, however many are made final at once, without a gap', async () => {
    const { planId } = await subscribed('race');
    for (const customer of ['a', 'b', 'c', 'd', 'e']) {
      await asked('race', subscribe, { planId, customer });
    }
    billing.leapTo('2026-02-28T10:30:00Z');
    await billing.chore(billPeriods);
    const drafts = await invoicesOf('race');
    const finalize = mutation(
      'finalizeInvoice',
      'MoveInvoiceInput',
      '... on InvoiceSuccess { invoice { number } }',
    );
    await Promise.all([...drafts, ...drafts].map(({ id }) => asked('race', finalize, { id })));
    const numbers = (await invoicesOf('race')).map(({ number }) => number);
    expect(numbers.sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('can be taken back or given up, once, and the books follow', async () => {
    await subscribed('moved');
    billing.leapTo('2026-04-01T00:00:00Z');
    await billing.chore(billPeriods);
    const [first, second] = await invoicesOf('moved');
    const move = (name: string, id: string | undefined) =>
      asked(
        'moved',
        mutation(name, 'MoveInvoiceInput', '... on InvoiceSuccess { invoice { state } }'),
        { id },
      );
    expect(await move('voidInvoice', first?.id)).toMatchObject({ invoice: { state: 'VOID' } });
    expect(await move('voidInvoice', first?.id)).toMatchObject({ code: 'INVOICE_STATE' });
    expect(await move('writeOffInvoice', second?.id)).toMatchObject({
      invoice: { state: 'UNCOLLECTIBLE' },
    });
    expect(await billing.balances('moved')).toMatchObject({
      receivable: 0,
      losses: -3570,
      tax: 570,
    });
    const stranger = mutation('voidInvoice', 'MoveInvoiceInput', '');
    expect(await asked('globex', stranger, { id: second?.id })).toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describe('a subscription', () => {
  it('that is cancelled is billed to its end in part, and no more', async () => {
    const { subscriptionId } = await subscribed('ended');
    billing.leapTo('2026-02-14T10:00:00Z');
    await asked('ended', cancel, { id: subscriptionId, at: 'NOW' });
    expect(await asked('ended', cancel, { id: subscriptionId, at: 'NOW' })).toMatchObject({
      code: 'SUBSCRIPTION_REFUSED',
    });
    billing.leapTo('2026-06-01T00:00:00Z');
    await billing.chore(billPeriods);
    expect(await invoicesOf('ended')).toMatchObject([
      { state: 'OPEN', lines: [{ amount: { amountMinor: '1500' } }, { quantity: '0' }] },
    ]);
  });

  it('that changes its plan within a period is billed for each part of it', async () => {
    const { subscriptionId } = await subscribed('changed');
    const { plan } = (await asked(
      'changed',
      mutation(
        'createPlanVersion',
        'CreatePlanVersionInput',
        '... on CreatePlanVersionSuccess { plan { id } }',
      ),
      {
        ...{ slug: 'max', name: 'Max', currency: 'EUR', interval: 'MONTH' },
        charges: [{ key: 'seat', label: 'Seat', price: { kind: 'FLAT', amount: '9000' } }],
      },
    )) as { plan: { id: string } };
    billing.leapTo('2026-02-14T10:00:00Z');
    const change = mutation('changeSubscription', 'ChangeSubscriptionInput', subscriptionFields);
    await asked('changed', change, { id: subscriptionId, planId: plan.id, at: 'NOW' });
    billing.leapTo('2026-03-01T00:00:00Z');
    await billing.chore(billPeriods);
    const [invoice] = await invoicesOf('changed');
    expect(invoice?.lines.map(({ amount }) => amount.amountMinor)).toEqual(['1500', '0', '4500']);
  });
});
