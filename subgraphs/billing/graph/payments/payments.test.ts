import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeDispute } from '../../../../infra/simulators/stripe/disputes.ts';
import { settleRefund } from '../../../../infra/simulators/stripe/refunds.ts';
import type { PaymentsUnderTest } from '../../fixtures/payments.ts';
import { openPayments } from '../../fixtures/payments.ts';
import { adoptEvents } from '../../workflows/payments/adopt-events.ts';

let payments: PaymentsUnderTest;
beforeAll(async () => {
  payments = await openPayments();
});
afterAll(() => payments.close());

const acme = { tenant: 'acme' };
const bob = { tenant: 'acme', actor: { type: 'user', id: 'bob' } } as const;
const shown = `... on CreatePaymentSuccess { replayed payment { id status version amountCaptured { amountMinor } } }
  ... on CardDeclined { error { category declineCode retryable } payment { id status } }
  ... on OutcomeUnknown { payment { id status } }
  ... on PciDataRejected { path }`;
const refunded =
  '... on RefundSuccess { replayed refund { id status } } ... on ApprovalRequired { refund { id status } } ... on AmountExceedsAvailable { available { amountMinor } }';

interface Update {
  readonly cursor: string;
  readonly version: number;
}

let keys = 0;
const key = () => `key-${(keys += 1)}`;

function pay(change: object = {}, caller: Parameters<PaymentsUnderTest['ask']>[0] = acme) {
  const input = {
    idempotencyKey: key(),
    amount: { amountMinor: '2500', currency: 'USD' },
    paymentMethod: 'pm_card_visa',
    ...change,
  };
  return payments.mutate(caller, 'createPayment', input, shown);
}

describe('a payment', () => {
  it('is taken, told live, booked and left in the audit trail', async () => {
    const made = await pay();
    expect(made).toMatchObject({
      __typename: 'CreatePaymentSuccess',
      replayed: false,
      payment: { status: 'SUCCEEDED', amountCaptured: { amountMinor: '2500' } },
    });
    const id = made.payment?.id ?? '';
    await payments.mutate(
      acme,
      'createRefund',
      { idempotencyKey: key(), paymentId: id, amountMinor: '500' },
      refunded,
    );
    await payments.settled();
    const query = `subscription { paymentUpdated(id: "${id}") { version payment { status amountRefunded { amountMinor } } } }`;
    const [now] = await payments.watch(acme, query, 1);
    expect(now?.data).toMatchObject({
      paymentUpdated: { payment: { status: 'SUCCEEDED', amountRefunded: { amountMinor: '500' } } },
    });
    const booked = await payments.rows(
      'acme',
      'select kind from ledger_transaction where subject = $1 order by kind',
      [id],
    );
    expect(booked.map(({ kind }) => kind)).toEqual([
      'payment-captured',
      'payment-settled',
      'refund-paid',
    ]);
    expect(await payments.balances('acme')).toMatchObject({ 'clearing USD': 0 });
    const { rows: told } = await payments.db.owner.query<{ action: string }>(
      `select payload ->> 'action' as action from forge.message
       where topic = 'audit.recorded' and key = $1 order by id`,
      [id],
    );
    expect(told.map(({ action }) => action)).toEqual([
      'payment.created',
      'payment.succeeded',
      'payment.captured',
      'refund.requested',
      'refund.succeeded',
    ]);
  });

  it('is made once by two calls at once with one key, and not by another input', async () => {
    const idempotencyKey = key();
    const before = payments.stripe.count('POST', '/v1/payment_intents');
    const [one, another] = await Promise.all([pay({ idempotencyKey }), pay({ idempotencyKey })]);
    expect(one.payment?.id).toBe(another.payment?.id);
    expect([one.replayed, another.replayed].sort()).toEqual([false, true]);
    expect(payments.stripe.count('POST', '/v1/payment_intents')).toBe(before + 1);
    const other = await pay({ idempotencyKey, amount: { amountMinor: '1', currency: 'USD' } });
    expect(other.code).toBe('IDEMPOTENCY_KEY_REUSED');
    const elsewhere = await pay({ idempotencyKey }, { tenant: 'globex' });
    expect(elsewhere).toMatchObject({ replayed: false, payment: { status: 'SUCCEEDED' } });
  });

  it('gives every version once, in order, to who comes back with a cursor', async () => {
    const { payment } = await pay();
    const id = payment?.id ?? '';
    const watch = async (since: string, count: number) => {
      const query = `subscription { paymentUpdated(id: "${id}"${since}) { cursor version } }`;
      const results = await payments.watch(acme, query, count);
      return results.map(({ data }) => (data as { paymentUpdated: Update }).paymentUpdated);
    };
    await payments.settled();
    const [first] = await watch('', 1);
    for (let refunds = 0; refunds < 3; refunds += 1) {
      await payments.mutate(
        acme,
        'createRefund',
        { idempotencyKey: key(), paymentId: id, amountMinor: '1' },
        refunded,
      );
    }
    await payments.settled();
    const [last] = await watch('', 1);
    const from = first?.version ?? 0;
    const missed = (last?.version ?? 0) - from;
    expect(missed).toBeGreaterThanOrEqual(3);
    const later = await watch(`, since: "${first?.cursor ?? ''}"`, missed);
    expect(later.map(({ version }) => version)).toEqual(
      Array.from({ length: missed }, (_, index) => from + 1 + index),
    );
  });

  it.each([
    ['pm_card_visa_chargeDeclined', 'DECLINED_SOFT', 'REQUIRES_PAYMENT_METHOD', 'generic_decline'],
    ['pm_card_visa_chargeDeclinedStolenCard', 'DECLINED_HARD', 'REQUIRES_PAYMENT_METHOD', null],
    ['pm_card_authenticationRequiredOnSetup', 'AUTHENTICATION_REQUIRED', 'REQUIRES_ACTION', null],
  ])('says what %s means', async (paymentMethod, category, status, declineCode) => {
    expect(await pay({ paymentMethod })).toMatchObject({
      __typename: 'CardDeclined',
      error: { category, declineCode },
      payment: { status },
    });
  });

  it('never takes the number of a card, wherever it stands', async () => {
    const number = '4242 4242 4242 4242';
    for (const change of [
      { description: number },
      { metadata: { note: number } },
      { paymentMethod: '4242424242424242' },
    ]) {
      expect(await pay(change)).toMatchObject({ __typename: 'PciDataRejected' });
    }
  });

  it('is set aside first and taken in part later', async () => {
    const made = await pay({ captureMethod: 'MANUAL' });
    expect(made.payment?.status).toBe('REQUIRES_CAPTURE');
    const id = made.payment?.id;
    const capture = (amountMinor: string) =>
      payments.mutate(
        acme,
        'capturePayment',
        { idempotencyKey: key(), id, amountMinor },
        '... on MovePaymentSuccess { payment { id status amountCaptured { amountMinor } } }',
      );
    expect(await capture('2501')).toMatchObject({ code: 'AMOUNT_EXCEEDS_AVAILABLE' });
    expect(await capture('1000')).toMatchObject({
      payment: { status: 'PARTIALLY_CAPTURED', amountCaptured: { amountMinor: '1000' } },
    });
    expect(await capture('1')).toMatchObject({ code: 'INVALID_STATE_TRANSITION' });
  });
});

describe('a refund', () => {
  it('never gives back more than was taken, by any number of calls at once', async () => {
    const { payment } = await pay();
    const refunds = await Promise.all(
      Array.from({ length: 4 }, () =>
        payments.mutate(
          acme,
          'createRefund',
          { idempotencyKey: key(), paymentId: payment?.id, amountMinor: '1000' },
          refunded,
        ),
      ),
    );
    expect(refunds.filter(({ __typename }) => __typename === 'RefundSuccess')).toHaveLength(2);
    expect(refunds.filter(({ code }) => code === 'AMOUNT_EXCEEDS_AVAILABLE')).toHaveLength(2);
  });

  it('of much money needs the yes of somebody else', async () => {
    const { payment } = await pay({ amount: { amountMinor: '500000', currency: 'USD' } });
    const asked = await payments.mutate(
      acme,
      'createRefund',
      { idempotencyKey: key(), paymentId: payment?.id },
      refunded,
    );
    expect(asked).toMatchObject({
      __typename: 'ApprovalRequired',
      refund: { status: 'REQUESTED' },
    });
    const decide = (caller: typeof acme) =>
      payments.mutate(
        caller,
        'decideRefund',
        { idempotencyKey: key(), id: asked.refund?.id, decision: 'APPROVE' },
        refunded,
      );
    expect(await decide(acme)).toMatchObject({ code: 'INPUT_INVALID' });
    expect(await decide(bob)).toMatchObject({ refund: { status: 'SUCCEEDED' } });
  });

  it('that fails after it had succeeded takes its entries back', async () => {
    const { payment } = await pay({}, { tenant: 'late' });
    await payments.mutate(
      { tenant: 'late' },
      'createRefund',
      { idempotencyKey: key(), paymentId: payment?.id },
      refunded,
    );
    await payments.settled();
    const [refund] = await payments.rows('late', 'select provider_reference from refund');
    settleRefund(payments.stripe.at(), String(refund?.['provider_reference']), 'failed');
    await payments.settled();
    expect(await payments.rows('late', 'select status from refund')).toEqual([
      { status: 'FAILED' },
    ]);
    expect(await payments.balances('late')).toMatchObject({ 'refunds USD': 0 });
  });
});

describe('a dispute', () => {
  it('takes the money at once, and gives it back when it is won', async () => {
    const caller = { tenant: 'disputed' };
    await pay({ paymentMethod: 'pm_card_createDispute' }, caller);
    await payments.settled();
    await adoptEvents.run({ ...payments, signal: new AbortController().signal });
    await payments.settled();
    const state = () =>
      payments.rows('disputed', 'select status, withdrawn_minor as held from dispute');
    expect(await state()).toEqual([{ status: 'NEEDS_RESPONSE', held: '2500' }]);
    expect(await payments.balances('disputed')).toMatchObject({ 'disputes USD': -2_500 });
    const [dispute] = await payments.rows('disputed', 'select provider_reference from dispute');
    closeDispute(payments.stripe.at(), String(dispute?.['provider_reference']), 'won');
    await payments.settled();
    expect(await state()).toEqual([{ status: 'WON', held: '0' }]);
    expect(await payments.balances('disputed')).toMatchObject({
      'disputes USD': 0,
      'clearing USD': 0,
    });
  });
});
