import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FaultRule } from '../../../../infra/simulators/stripe/faults.ts';
import { captureIntent } from '../../../../infra/simulators/stripe/payment-intents.ts';
import { acme, faultBench } from '../../fixtures/payment-faults.ts';
import type { PaymentsUnderTest } from '../../fixtures/payments.ts';
import { openPayments } from '../../fixtures/payments.ts';

/*
 * Everything that goes wrong with a call to Stripe, by its number, and what it
 * leads to. The double of Stripe does it on command.
 */

let payments: PaymentsUnderTest;
beforeEach(async () => {
  payments = await openPayments({
    timeoutMs: 400,
    deadlineMs: 20_000,
    pace: { callMs: 20_000, eventRetryMs: [1, 1, 1] },
  });
});
afterEach(() => payments.close());
const { pay, goesWrong, intent, outcome } = faultBench(() => payments);

const status = (code: number, more: object = {}): FaultRule['fault'] => ({
  kind: 'status',
  status: code,
  ...more,
});

describe('a call that goes wrong', () => {
  const once: readonly [string, FaultRule['fault']][] = [
    ['fault 1: a timeout before it was executed', { kind: 'hang', executed: false }],
    ['fault 2: a timeout after it was executed', { kind: 'hang', executed: true }],
    ['fault 3: a reset before the headers', { kind: 'reset', executed: false, afterBytes: 0 }],
    [
      'fault 4: a reset within the body of a 200',
      { kind: 'reset', executed: true, afterBytes: 40 },
    ],
    ['fault 5: a body that stalls', { kind: 'stall', afterBytes: 40 }],
    ['fault 6: a 200 that is no JSON', { kind: 'html' }],
    ['fault 7: 429 rate_limit', status(429, { error: { code: 'rate_limit' } })],
    ['fault 8: 429 lock_timeout', status(429, { error: { code: 'lock_timeout' } })],
    [
      'fault 9: 429 that is to be tried again',
      status(429, { headers: { 'stripe-should-retry': 'true' } }),
    ],
    [
      'fault 10: 409 while the key is in use',
      status(409, { error: { code: 'idempotency_key_in_use' } }),
    ],
    ['fault 14: 503 with Retry-After', status(503, { headers: { 'retry-after': '1' } })],
  ];

  it.each(once)('%s: is asked for again under its key, and charged once', async (_what, fault) => {
    goesWrong({ fault });
    await pay();
    const { calls, ...rest } = await outcome();
    expect(rest).toMatchObject({ status: 'SUCCEEDED', posted: 2_500, charges: 1, keys: 1 });
    expect(calls).toBeGreaterThan(1);
  });

  it.each([
    ['fault 1', { kind: 'hang', executed: false } as const],
    ['fault 2', { kind: 'hang', executed: true } as const],
    ['fault 4', { kind: 'reset', executed: true, afterBytes: 40 } as const],
  ])(
    '%s, time after time: the outcome is unknown until it is found out, under one key',
    async (_what, fault) => {
      payments.stripe.webhooks.hold();
      goesWrong({ fault, times: 5 });
      await pay();
      const found = await outcome();
      expect(found).toMatchObject({ status: 'SUCCEEDED', charges: 1, keys: 1 });
      expect(found.path).toContain('OUTCOME_UNKNOWN');
    },
  );

  it('fault 7, until the calls are spent: a typed no, and nothing was done', async () => {
    goesWrong({ fault: status(429), times: 20 });
    expect(await pay()).toMatchObject({ __typename: 'PaymentRateLimited', code: 'RATE_LIMITED' });
    expect(await outcome()).toMatchObject({ status: 'FAILED', charges: 0, keys: 1 });
  });

  it('fault 11: another request under the key freezes the operation, and is not tried again', async () => {
    goesWrong({ fault: status(400, { error: { type: 'idempotency_error' } }) });
    await pay();
    expect(await outcome()).toMatchObject({ charges: 0, calls: 1 });
    expect(await payments.rows('acme', 'select state from payment_operation')).toEqual([
      { state: 'FROZEN' },
    ]);
  });

  it.each([
    ['fault 12: a 500 that Stripe keeps', {}],
    [
      'fault 13: a 500 that is not to be tried again',
      { headers: { 'stripe-should-retry': 'false' } },
    ],
  ])('%s: is a no only once Stripe is seen to have nothing', async (_what, more) => {
    // An account whose calls all fail is left alone for a second.
    payments.worker.onSleep = async (ms) => {
      payments.clock.aheadMs += ms;
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    };
    goesWrong({ fault: status(500, { saved: true, ...more }) });
    await pay();
    const found = await outcome();
    expect(found).toMatchObject({ status: 'FAILED', charges: 0, keys: 1 });
    expect(found.path).toContain('OUTCOME_UNKNOWN');
  });

  it('fault 12, executed: what Stripe has is found, and not asked for again', async () => {
    payments.stripe.webhooks.hold();
    goesWrong({
      fault: status(500, { executed: true, headers: { 'stripe-should-retry': 'false' } }),
      times: 3,
    });
    await pay();
    expect(await outcome()).toMatchObject({ status: 'SUCCEEDED', charges: 1, keys: 1 });
  });

  it.each([
    ['fault 15', 'pm_card_visa_chargeDeclined', 'DECLINED_SOFT', 'REQUIRES_PAYMENT_METHOD'],
    [
      'fault 16',
      'pm_card_visa_chargeDeclinedStolenCard',
      'DECLINED_HARD',
      'REQUIRES_PAYMENT_METHOD',
    ],
    [
      'fault 17',
      'pm_card_authenticationRequiredOnSetup',
      'AUTHENTICATION_REQUIRED',
      'REQUIRES_ACTION',
    ],
  ])('%s: %s is %s, asked once', async (_what, paymentMethod, category, at) => {
    expect(await pay({ paymentMethod })).toMatchObject({ error: { category } });
    expect(await outcome()).toMatchObject({ status: at, calls: 1, charges: 0 });
  });

  it('fault 18: a revoked account is closed, and no other one', async () => {
    await payments.rows(
      'acme',
      `insert into provider_account (id, tenant_id, provider, mode, status, external_id, created_at)
       values ('account_01m88hs6arace3ksy4sdd8mqv9', 'acme', 'STRIPE', 'TEST', 'ACTIVE', 'acct_gone', now())`,
    );
    payments.stripe.revoked.add('acct_gone');
    const refused = await pay({ accountId: 'account_01m88hs6arace3ksy4sdd8mqv9' });
    expect(refused).toMatchObject({ error: { category: 'ACCOUNT_REVOKED', retryable: false } });
    expect(
      await payments.rows(
        'acme',
        `select status from provider_account where external_id = 'acct_gone'`,
      ),
    ).toEqual([{ status: 'REVOKED' }]);
    expect(await pay()).toMatchObject({ payment: { status: 'SUCCEEDED' } });
  });

  it('fault 20: 404 is a fault of the configuration, asked once', async () => {
    goesWrong({ fault: status(404, { error: { code: 'resource_missing' } }) });
    expect(await pay()).toMatchObject({ error: { category: 'CONFIGURATION', retryable: false } });
    expect(await outcome()).toMatchObject({ calls: 1, charges: 0 });
  });

  it('fault 21: what is refused because it is there already, is there', async () => {
    payments.stripe.webhooks.hold();
    const { payment } = await pay({ captureMethod: 'MANUAL' });
    captureIntent(payments.stripe.at(), intent().id, {});
    const input = { idempotencyKey: 'capture', id: payment?.id };
    const captured = await payments.mutate(
      acme,
      'capturePayment',
      input,
      '... on MovePaymentSuccess { payment { id status } }',
    );
    expect(captured).toMatchObject({ payment: { status: 'SUCCEEDED' } });
  });

  it.each([
    ['amount', { amount: 2_400 }],
    ['currency', { currency: 'eur' }],
  ])(
    'fault 22: another %s than was asked for is a conflict that nothing is booked of',
    async (kind, change) => {
      payments.stripe.webhooks.hold();
      goesWrong({ fault: { kind: 'rewrite', change } });
      await pay();
      expect(await outcome()).toMatchObject({ status: 'CONFLICTED', posted: 0 });
      expect(await payments.rows('acme', 'select kind from payment_break')).toEqual([
        { kind: kind.toUpperCase() },
      ]);
      expect(await payments.rows('acme', 'select 1 from ledger_transaction')).toEqual([]);
    },
  );
});

it('fault 39: killed at any point, a payment comes to the end that it would have come to', async () => {
  for (let killAt = 0; killAt < 14; killAt += 1) {
    payments.worker.killAt = killAt;
    await pay();
    await payments.settled();
  }
  const rows = await payments.rows('acme', 'select status, posted_minor from payment');
  expect(
    new Set(rows.map((row) => `${String(row['status'])} ${String(row['posted_minor'])}`)),
  ).toEqual(new Set(['SUCCEEDED 2500']));
  expect(payments.stripe.at().list('charge')).toHaveLength(rows.length);
  expect(payments.worker.failures).toEqual([]);
}, 60_000);
