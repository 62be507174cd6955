import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeDispute, openDispute } from '../../../../infra/simulators/stripe/disputes.ts';
import {
  cancelIntent,
  captureIntent,
} from '../../../../infra/simulators/stripe/payment-intents.ts';
import { createRefund, settleRefund } from '../../../../infra/simulators/stripe/refunds.ts';
import type { Body } from '../../../../infra/simulators/stripe/state.ts';
import { acme, faultBench, some } from '../../fixtures/payment-faults.ts';
import type { PaymentsUnderTest } from '../../fixtures/payments.ts';
import { openPayments, webhookSecret } from '../../fixtures/payments.ts';
import { adoptEvents } from './adopt-events.ts';
import { catchUp } from './catch-up.ts';
import { receiveEvent } from './receive-event.ts';

/* Everything that goes wrong with what Stripe tells, by its number, and what it leads to. */

let payments: PaymentsUnderTest;
beforeEach(async () => {
  payments = await openPayments({
    timeoutMs: 400,
    deadlineMs: 20_000,
    pace: { callMs: 20_000, eventRetryMs: [1, 1, 1] },
  });
});
afterEach(() => payments.close());
const { pay, goesWrong, told, deliver, intent, refund, outcome } = faultBench(() => payments);

const booked = async () => {
  const rows = await payments.rows('acme', 'select kind from ledger_transaction order by kind');
  return rows.map(({ kind }) => kind);
};

describe('a webhook that goes wrong', () => {
  it('fault 23: told many times at once, it is applied once', async () => {
    payments.stripe.webhooks.hold();
    await pay();
    await Promise.all(told().flatMap((event) => Array.from({ length: 5 }, () => deliver(event))));
    expect(await outcome()).toMatchObject({ status: 'SUCCEEDED', posted: 2_500 });
    expect(await booked()).toEqual(['payment-captured', 'payment-settled']);
    const rows = await payments.rows('acme', 'select event_id, attempts from provider_event');
    expect(rows).toHaveLength(told().length);
    expect(rows.every(({ attempts }) => attempts === 1)).toBe(true);
  });

  it('fault 24: told backwards, it leads to the same', async () => {
    payments.stripe.webhooks.hold();
    const { payment } = await pay();
    createRefund(payments.stripe.at(), {
      payment_intent: intent().id,
      amount: 500,
    });
    for (const event of [...told()].reverse()) await deliver(event);
    expect(await outcome()).toMatchObject({ id: payment?.id, status: 'SUCCEEDED' });
    expect(await payments.rows('acme', 'select status, amount_minor from refund')).toEqual([
      { status: 'SUCCEEDED', amount_minor: '500' },
    ]);
  });

  it('fault 25: told before the reply came, it is the answer', async () => {
    goesWrong({ fault: { kind: 'hang', executed: true }, times: 5 });
    await pay();
    expect(await outcome()).toMatchObject({ status: 'SUCCEEDED', charges: 1, keys: 1 });
  });

  it('fault 26: never told, it is fetched', async () => {
    payments.stripe.webhooks.hold();
    const { payment } = await pay({ captureMethod: 'MANUAL' });
    captureIntent(payments.stripe.at(), intent().id, {});
    await catchUp().run({ ...payments, signal: new AbortController().signal });
    expect(await outcome()).toMatchObject({ id: payment?.id, status: 'SUCCEEDED', posted: 2_500 });
  });

  const refusals: readonly [string, object][] = [
    ['fault 27: changed after it was signed', { tampered: true }],
    ['fault 27: signed with another secret', { secret: 'whsec_other' }],
    ['fault 28: signed 301 seconds ago', { offsetSeconds: -301 }],
    ['fault 29: signed an hour ahead of now', { offsetSeconds: 3_600 }],
    ['fault 30: signed at no time', { offsetSeconds: -1_700_000_000 }],
  ];
  it.each(refusals)('%s: 400, and nothing is kept of it', async (_what, options) => {
    payments.stripe.webhooks.hold();
    await pay();
    const event = some(told().at(-1));
    expect(await deliver(event, options)).toBe(400);
    expect(await payments.rows('acme', 'select 1 from provider_event')).toEqual([]);
    expect(await deliver(event, { offsetSeconds: -290 })).toBe(200);
  });

  it('fault 31: written anew by a parser of JSON, it is not what was signed', async () => {
    payments.stripe.webhooks.hold();
    await pay();
    const { raw, headers } = payments.stripe.webhooks.signed({ ...some(told()[0]), note: 1.5 });
    const again = Buffer.from(JSON.stringify(JSON.parse(raw.toString()), undefined, 1));
    const reception = await receiveEvent(payments.db, payments.deps, {
      accountRef: 'platform',
      raw: again,
      headers,
    });
    expect(reception).toEqual({ kind: 'rejected', reason: 'wrong signature' });
  });

  it('fault 32: while a secret is changed, either signature will do', async () => {
    payments.stripe.webhooks.hold();
    await pay();
    const both = { secret: 'whsec_new', otherSecret: webhookSecret };
    expect(await deliver(some(told()[0]), both)).toBe(200);
  });

  it('fault 33: written in another version, it is a reason to look', async () => {
    payments.stripe.webhooks.hold();
    await pay({ captureMethod: 'MANUAL' });
    captureIntent(payments.stripe.at(), intent().id, {});
    const event = some(told().findLast(({ type }) => type === 'payment_intent.succeeded'));
    const old = {
      ...event,
      api_version: '2020-08-27',
      data: {
        object: {
          id: intent().id,
          metadata: { forge_tenant: 'acme' },
        },
      },
    };
    expect(await deliver(old)).toBe(200);
    expect(await outcome()).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('fault 34: a thin event of v2 is kept, and breaks nothing', async () => {
    const thin = {
      id: 'evt_thin',
      object: 'v2.core.event',
      type: 'v2.core.account.updated',
      created: '2026-01-01T00:00:00Z',
    };
    expect(await deliver(thin as unknown as Body)).toBe(200);
  });

  it('fault 35: a refund that fails after it had succeeded is taken out of the books', async () => {
    const { payment } = await pay();
    await payments.mutate(
      acme,
      'createRefund',
      { idempotencyKey: 'back', paymentId: payment?.id },
      '',
    );
    await payments.settled();
    settleRefund(payments.stripe.at(), refund().id, 'failed');
    await payments.settled();
    expect(await payments.balances('acme')).toMatchObject({ 'refunds USD': 0, 'clearing USD': 0 });
    expect(await payments.rows('acme', 'select refunded_minor from payment')).toEqual([
      { refunded_minor: '0' },
    ]);
  });

  it.each([
    ['in order', 1],
    ['backwards', -1],
  ])('fault 36: a dispute that is won nets to nothing, told %s', async (_what, way) => {
    payments.stripe.webhooks.hold();
    await pay();
    const dispute = openDispute(payments.stripe.at(), intent(), 'fraudulent');
    closeDispute(payments.stripe.at(), dispute.id, 'won');
    const events = told().filter(({ type }) => String(type).startsWith('charge.dispute'));
    for (const event of way > 0 ? events : events.reverse()) await deliver(event);
    await adoptEvents.run({ ...payments, signal: new AbortController().signal });
    await payments.settled();
    expect(await payments.rows('acme', 'select status, withdrawn_minor from dispute')).toEqual([
      { status: 'WON', withdrawn_minor: '0' },
    ]);
    expect(await payments.balances('acme')).toMatchObject({ 'disputes USD': 0 });
  });

  it('fault 37: money that was set aside and not taken in time is let go', async () => {
    await pay({ captureMethod: 'MANUAL' });
    cancelIntent(payments.stripe.at(), intent().id, 'automatic');
    expect(await outcome()).toMatchObject({ status: 'EXPIRED', posted: 0 });
  });
});
