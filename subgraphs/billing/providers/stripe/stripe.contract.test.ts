import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { root } from '../../../../infra/root.ts';
import { settleIntent } from '../../../../infra/simulators/stripe/payment-intents.ts';
import { deriveSchemas } from '../../../../infra/simulators/stripe/schema/derive.ts';
import { schemaPath } from '../../../../infra/simulators/stripe/schema/validate.ts';
import { StripeSimulator } from '../../../../infra/simulators/stripe/simulator.ts';
import type { Call, PaymentProvider } from '../payments.ts';
import { stripeProvider } from './stripe.ts';

let stripe: StripeSimulator;
let provider: PaymentProvider;
beforeAll(async () => {
  stripe = await StripeSimulator.start();
  provider = stripeProvider({
    secretKey: 'sk_test_contract',
    webhookSecrets: ['whsec_contract'],
    baseUrl: stripe.url,
    timeoutMs: 500,
    deadlineMs: 4_000,
  });
});
afterAll(async () => {
  await provider.close();
  await stripe.close();
});

let operations = 0;
const call = (): Call => {
  const id = `op_${(operations += 1)}`;
  return {
    operationId: id,
    idempotencyKey: id,
    deadlineMs: 4_000,
    account: { id: 'account_1', tenant: 'acme', externalId: null },
  };
};
const order = (change = {}) => ({
  paymentId: 'payment_1',
  amountMinor: 2_500,
  currency: 'USD',
  capture: 'AUTOMATIC' as const,
  paymentMethod: 'pm_card_visa',
  confirm: true,
  description: null,
  metadata: {},
  ...change,
});
const create = async (change = {}) => {
  const made = await provider.createPayment(order(change), call());
  if (made.kind !== 'done') throw new Error(JSON.stringify(made));
  return made.value;
};

describe('Stripe as a payment provider', () => {
  it('takes a payment, and tells what it cost with it', async () => {
    expect(await create()).toMatchObject({
      status: 'SUCCEEDED',
      capturedMinor: 2_500,
      settlement: { amountMinor: 2_500, feeMinor: 103, currency: 'USD' },
    });
  });

  it('gives the first answer again under one key, and finds what an operation made', async () => {
    const again = call();
    const [one, two] = [
      await provider.createPayment(order(), again),
      await provider.createPayment(order(), again),
    ];
    expect(two).toMatchObject({
      kind: 'done',
      value: { reference: (one as { value: { reference: string } }).value.reference },
    });
    const since = new Date(Date.now() - 1_000);
    const found = await provider.findPayment({ operationId: again.operationId, since }, call());
    expect(found).toMatchObject({ kind: 'done', value: { status: 'SUCCEEDED' } });
    expect(await provider.findPayment({ operationId: 'op_never', since }, call())).toEqual({
      kind: 'done',
      value: undefined,
    });
  });

  it('captures, cancels, confirms and settles', async () => {
    const held = await create({ capture: 'MANUAL' });
    expect(held.status).toBe('REQUIRES_CAPTURE');
    expect(
      await provider.capture({ reference: held.reference, amountMinor: 1_000 }, call()),
    ).toMatchObject({ value: { capturedMinor: 1_000 } });
    const open = await create({ paymentMethod: null, confirm: false });
    expect(open.status).toBe('REQUIRES_PAYMENT_METHOD');
    const confirmed = await provider.confirm(
      { reference: open.reference, paymentMethod: 'pm_usBankAccount_success' },
      call(),
    );
    expect(confirmed).toMatchObject({ value: { status: 'PROCESSING' } });
    settleIntent(stripe.at(), open.reference, true);
    expect(await provider.fetchPayment(open.reference, call())).toMatchObject({
      value: { snapshot: { status: 'SUCCEEDED' }, paymentId: 'payment_1', tenant: 'acme' },
    });
    const dropped = await create({ paymentMethod: null, confirm: false });
    expect(
      await provider.cancel({ reference: dropped.reference, reason: 'abandoned' }, call()),
    ).toMatchObject({ value: { status: 'CANCELED' } });
  });

  it('says with a no of the wrong state where the payment stands', async () => {
    const { reference } = await create();
    expect(await provider.capture({ reference, amountMinor: 1 }, call())).toMatchObject({
      kind: 'refused',
      failure: { category: 'INVALID_STATE' },
      payment: { status: 'SUCCEEDED' },
    });
  });

  it('refunds, tells of events and of what moved the balance', async () => {
    const { reference } = await create();
    const refund = {
      refundId: 'refund_1',
      paymentReference: reference,
      amountMinor: 500,
      reason: null,
    };
    expect(await provider.refund(refund, call())).toMatchObject({
      value: { status: 'SUCCEEDED', amountMinor: 500 },
    });
    const events = await provider.listEvents({ since: new Date(0), cursor: null }, call());
    expect(events).toMatchObject({ kind: 'done' });
    const moved = await provider.listBalanceTransactions(
      { from: new Date(0), to: new Date(Date.now() + 60_000), cursor: null },
      call(),
    );
    expect(moved).toMatchObject({
      value: {
        items: expect.arrayContaining([
          expect.objectContaining({ kind: 'refund', amountMinor: -500 }),
        ]) as unknown,
      },
    });
  });

  it('is asked nothing that stripe-node has no name for', async () => {
    const response = await fetch(`${stripe.url}/v1/refunds`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_contract' },
      body: 'payment_intent=pi_1&colour=red',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'parameter_unknown', param: 'colour' },
    });
  });
});

it('the schemas of the double are those of the stripe-node that is installed', () => {
  const derived = deriveSchemas(join(root, 'node_modules/stripe'));
  expect(derived).toEqual(JSON.parse(readFileSync(schemaPath, 'utf8')));
}, 60_000);
