import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Fault } from '../../../../infra/simulators/stripe/faults.ts';
import type { PaymentsUnderTest } from '../../fixtures/payments.ts';
import { openPayments } from '../../fixtures/payments.ts';
import { adoptEvents } from './adopt-events.ts';

let payments: PaymentsUnderTest;
beforeAll(async () => {
  payments = await openPayments({ timeoutMs: 400, pace: { eventRetryMs: [1, 1, 1] } });
  payments.stripe.webhooks.hold();
});
afterAll(() => payments.close());

/** What somebody does, what goes wrong meanwhile, and which call is asked again with its key. */
const commands = fc.array(
  fc.record({
    what: fc.constantFrom('pay', 'hold', 'confirm', 'capture', 'cancel', 'refund', 'tell'),
    card: fc.constantFrom(
      'pm_card_visa',
      'pm_card_visa',
      'pm_card_visa_chargeDeclined',
      'pm_usBankAccount_success',
    ),
    amount: fc.integer({ min: 1, max: 3_000 }),
    calls: fc.integer({ min: 1, max: 3 }),
    killAt: fc.option(fc.nat({ max: 14 }), { nil: undefined }),
    fault: fc.option(
      fc.constantFrom<Fault>(
        { kind: 'reset', executed: true, afterBytes: 30 },
        { kind: 'reset', executed: false, afterBytes: 0 },
        { kind: 'html' },
        { kind: 'status', status: 409 },
      ),
      { nil: undefined, freq: 4 },
    ),
    pick: fc.nat(),
  }),
  { minLength: 2, maxLength: 7 },
);
type Command = typeof commands extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

const runs = 60;
const seed = 20_261_125;
let tenants = 0;

/** Each run has a tenant of its own, over one database and one double of Stripe. */
it('whatever is done, goes wrong, dies and is told again, money is moved once and the books show it', async () => {
  await fc.assert(
    fc.asyncProperty(commands, fc.nat(), async (list, order) => {
      const tenant = `model-${(tenants += 1)}`;
      for (const command of list) await carryOut(tenant, command);
      await tellAll(order);
      await expectInOrder(tenant);
    }),
    { numRuns: runs, seed, endOnFailure: true },
  );
}, 240_000);

async function carryOut(tenant: string, command: Command): Promise<void> {
  const { what, card, amount, calls, killAt, fault, pick } = command;
  if (fault) payments.stripe.faults.add({ method: 'POST', path: '/v1/', fault });
  payments.worker.killAt = killAt;
  const rows = await payments.rows(tenant, 'select id from payment order by id');
  const id = rows.length === 0 ? undefined : rows[pick % rows.length]?.['id'];
  const idempotencyKey = `${tenant}-${String(pick)}-${what}`;
  const amountMinor = String(amount);
  const made = { amount: { amountMinor: '2500', currency: 'USD' }, paymentMethod: card };
  const asked: Record<string, readonly [string, object] | undefined> = {
    pay: ['createPayment', made],
    hold: ['createPayment', { ...made, captureMethod: 'MANUAL' }],
    confirm: id === undefined ? undefined : ['confirmPayment', { id, paymentMethod: card }],
    capture: id === undefined ? undefined : ['capturePayment', { id, amountMinor }],
    cancel: id === undefined ? undefined : ['cancelPayment', { id }],
    refund: id === undefined ? undefined : ['createRefund', { paymentId: id, amountMinor }],
  };
  const call = asked[what];
  if (!call) return tellAll(pick);
  const [name, input] = call;
  const answers = await Promise.all(
    Array.from({ length: calls }, () =>
      payments.mutate({ tenant }, name, { idempotencyKey, ...input }, ''),
    ),
  );
  // One answer for one key, whoever asks and however often.
  const ends = answers.filter(
    ({ code }) => code !== 'IDEMPOTENCY_IN_PROGRESS' && code !== 'OUTCOME_UNKNOWN',
  );
  expect(new Set(ends.map(({ __typename }) => __typename)).size).toBeLessThanOrEqual(1);
  await payments.settled();
  payments.stripe.faults.clear();
  payments.worker.killAt = undefined;
}

/** Every event there is, in an order of its own, each twice. */
async function tellAll(order: number): Promise<void> {
  const events = payments.stripe.webhooks.events.splice(0);
  const mixed = events
    .map((event, index) => ({ event, at: ((index + 1) * (order + 7_919)) % 104_729 }))
    .sort((a, b) => a.at - b.at);
  for (const { event } of mixed) {
    await Promise.all([
      payments.stripe.webhooks.deliver(event),
      payments.stripe.webhooks.deliver(event),
    ]);
  }
  await payments.settled();
  await adoptEvents.run({ ...payments, signal: new AbortController().signal });
  await payments.settled();
}

async function expectInOrder(tenant: string): Promise<void> {
  expect(payments.worker.failures).toEqual([]);
  const rows = await payments.rows(tenant, 'select * from payment');
  for (const row of rows) {
    const number = (name: string) => Number(row[name]);
    expect(number('refunded_minor')).toBeLessThanOrEqual(number('captured_minor'));
    expect(number('captured_minor')).toBeLessThanOrEqual(number('amount_minor'));
    expect(number('posted_minor')).toBe(number('captured_minor'));
    expect(row['status']).not.toBe('OUTCOME_UNKNOWN');
    const intent = payments.stripe
      .at()
      .list('payment_intent')
      .filter(
        ({ metadata }) => (metadata as Record<string, string>)['forge_payment_id'] === row['id'],
      );
    // What Forge says is what Stripe has, and Stripe has it once.
    expect(intent.length).toBeLessThanOrEqual(1);
    expect(number('captured_minor')).toBe(Number(intent[0]?.['amount_received'] ?? 0));
    const charge = payments.stripe
      .at()
      .list('charge')
      .find(({ id }) => id === intent[0]?.['latest_charge']);
    expect(number('refunded_minor')).toBe(
      charge?.['captured'] === true ? refundedAt(intent[0]?.id) : 0,
    );
    const events = await payments.rows(
      tenant,
      'select seq from event where stream = $1 order by seq',
      [`payment:${String(row['id'])}`],
    );
    expect(events.map(({ seq }) => Number(seq))).toEqual(events.map((_event, index) => index + 1));
    expect(number('version')).toBe(events.length);
  }
  const sums = await payments.rows(
    tenant,
    `select currency, sum(amount_minor) as sum from ledger_entry group by 1 having sum(amount_minor) <> 0`,
  );
  expect(sums).toEqual([]);
  expect((await payments.balances(tenant))['clearing USD'] ?? 0).toBe(0);
}

function refundedAt(intent: string | undefined): number {
  return payments.stripe
    .at()
    .list('refund')
    .filter((refund) => refund['payment_intent'] === intent && refund['status'] === 'succeeded')
    .reduce((sum, refund) => sum + Number(refund['amount']), 0);
}
