import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BillingUnderTest } from '../../fixtures/billing.ts';
import { openBilling } from '../../fixtures/billing.ts';
import type { LedgerAccountCode } from '../../domain/ledger/chart.ts';
import type { Posting } from '../../domain/ledger/transaction.ts';
import { billingActor } from '../actor.ts';
import { awaitPostings, readBalances, readBalancesAt, readSubjectBalance } from './balances.ts';
import type { Booking } from './post-transaction.ts';
import { postTransaction, postTransactions } from './post-transaction.ts';
import { reverseTransaction } from './transactions.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
});
afterAll(() => billing.close());

let tenants = 0;
const freshTenant = () => `ledger-${String(++tenants)}`;
const at = new Date('2026-05-05T10:00:00Z');

const codes = ['cash', 'clearing', 'revenue', 'fees', 'credit'] as const;
const movement = fc.record({
  from: fc.constantFrom(...codes),
  to: fc.constantFrom(...codes),
  amountMinor: fc.integer({ min: 1, max: 1_000_000 }),
  currency: fc.constantFrom('USD', 'JPY'),
  pending: fc.boolean(),
  source: fc.integer({ min: 0, max: 12 }),
});
type Movement = typeof movement extends fc.Arbitrary<infer T> ? T : never;

function bookingOf({ from, to, amountMinor, currency, pending, source }: Movement): Booking {
  const side = (account: LedgerAccountCode, amount: number): Posting => ({
    account,
    amountMinor: amount,
    currency,
    pending,
  });
  const postings = [side(from, -amountMinor), side(to, amountMinor)];
  // The key tells the content, so that a key that comes back is a replay.
  const key = `${String(source)}-${[from, to, amountMinor, currency, pending].join('-')}`;
  return { kind: 'test-moved', source: key, postings, actor: billingActor, at };
}

/** What is wrong with the tables of a tenant, which should be nothing. */
async function wrongOf(tenant: string): Promise<unknown[]> {
  const wrong = await Promise.all(
    [
      `select 'transaction', transaction_id from ledger_entry
         group by transaction_id, currency, pending having sum(amount_minor) <> 0`,
      `select 'balance', a.code from ledger_account a left join ledger_entry e
         on e.account = a.code and e.currency = a.currency and e.shard = a.shard
       group by a.code, a.currency, a.shard, a.balance_minor, a.pending_minor, a.last_sequence
       having a.balance_minor <> coalesce(sum(amount_minor) filter (where not pending), 0)
         or a.pending_minor <> coalesce(sum(amount_minor) filter (where pending), 0)
         or a.last_sequence <> count(e.*)`,
      `select 'running', account, sequence from (
         select *, row_number() over w as place, lag(recorded_at) over w as before,
           sum(case when pending then 0 else amount_minor end) over w as moved,
           sum(case when pending then amount_minor else 0 end) over w as announced
         from ledger_entry window w as (partition by account, currency, shard order by sequence)
       ) e where moved <> balance_after_minor or announced <> pending_after_minor
         or place <> sequence or before > recorded_at`,
    ].map((sql) => billing.rows(tenant, sql)),
  );
  return wrong.flat();
}

const totals = (rows: readonly { currency: string; balanceMinor: number }[]) =>
  Object.fromEntries(
    [...new Set(rows.map(({ currency }) => currency))].map((currency) => [
      currency,
      rows.reduce((sum, row) => sum + (row.currency === currency ? row.balanceMinor : 0), 0),
    ]),
  );

describe('the ledger, whatever is posted, one by one, together, twice and at once', () => {
  const work = fc.array(fc.array(movement, { minLength: 1, maxLength: 5 }), { maxLength: 12 });

  it('adds up: transactions, balances, running balances and the trial balance', async () => {
    await fc.assert(
      fc.asyncProperty(work, async (batches) => {
        const tenant = freshTenant();
        const twice = [...batches, ...batches];
        await Promise.all(
          twice.map((batch) =>
            billing.db.tx(tenant, (tx) => postTransactions(tx, batch.map(bookingOf))),
          ),
        );
        expect(await wrongOf(tenant)).toEqual([]);
        const [header] = await billing.rows(tenant, 'select count(*) from ledger_transaction');
        const causes = new Set(batches.flat().map((one) => bookingOf(one).source));
        expect(Number(header?.['count'])).toBe(causes.size);

        const rows = await billing.db.tx(tenant, (tx) => readBalances(tx, {}));
        for (const sum of Object.values(totals(rows))) expect(sum).toBe(0);
        const now = await billing.db.tx(tenant, awaitPostings);
        const then = await billing.db.tx(tenant, (tx) => readBalancesAt(tx, now));
        const byKey = (a: { code: string; currency: string }, b: typeof a) =>
          `${a.currency}${a.code}` < `${b.currency}${b.code}` ? -1 : 1;
        expect([...then].sort(byKey)).toEqual([...rows].sort(byKey));
      }),
      { numRuns: 25 },
    );
  });

  it('is the same for ever at a moment that is past, however much is posted meanwhile', async () => {
    const tenant = freshTenant();
    const moments: { asOf: Date; books: unknown }[] = [];
    let posted = 0;
    const poster = async (n: number) => {
      for (let round = 0; round < 20; round += 1) {
        await billing.db.tx(tenant, (tx) =>
          postTransaction(tx, {
            ...bookingOf({
              from: 'cash',
              to: 'revenue',
              amountMinor: 1 + n,
              currency: 'USD',
              pending: false,
              source: 0,
            }),
            source: `${String(n)}-${String(round)}`,
          }),
        );
        posted += 1 + n;
      }
    };
    const reader = async () => {
      for (let round = 0; round < 15; round += 1) {
        const asOf = await billing.db.tx(tenant, awaitPostings);
        const books = await billing.db.tx(tenant, (tx) => readBalancesAt(tx, asOf));
        moments.push({ asOf, books });
      }
    };
    await Promise.all([poster(0), poster(1), poster(2), poster(3), reader()]);
    for (const { asOf, books } of moments) {
      expect(await billing.db.tx(tenant, (tx) => readBalancesAt(tx, asOf))).toEqual(books);
    }
    expect((await billing.balances(tenant))['revenue']).toBe(posted);
    expect(await wrongOf(tenant)).toEqual([]);
  });

  it('spreads a hot account over rows, which together are its balance', async () => {
    const tenant = freshTenant();
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        billing.db.tx(tenant, (tx) =>
          postTransaction(tx, {
            kind: 'test-moved',
            source: String(n),
            postings: [
              { account: 'clearing', amountMinor: -1, currency: 'USD' },
              { account: 'revenue', amountMinor: 1, currency: 'USD' },
            ],
            actor: billingActor,
            at,
          }),
        ),
      ),
    );
    const [row] = await billing.rows(
      tenant,
      `select count(*)::int, sum(balance_minor)::int from ledger_account where code = 'revenue'`,
    );
    expect(row?.['sum']).toBe(40);
    expect(row?.['count']).toBeGreaterThan(4);
  });
});

describe('a transaction that is taken back', () => {
  const clearing = (subject: string, amountMinor: number): Booking => ({
    kind: 'payment-captured',
    source: subject,
    subject,
    postings: [
      { account: 'clearing', amountMinor: -amountMinor, currency: 'USD' },
      { account: 'revenue', amountMinor, currency: 'USD' },
    ],
    actor: billingActor,
    at,
  });

  it('leaves nothing on clearing for its subject, however many take it back at once', async () => {
    const tenant = freshTenant();
    const { transactionId } = await billing.db.tx(tenant, (tx) =>
      postTransaction(tx, clearing('pay_1', 500)),
    );
    await billing.db.tx(tenant, (tx) => postTransaction(tx, clearing('pay_2', 70)));
    const left = (subject: string) =>
      billing.db.tx(tenant, (tx) => readSubjectBalance(tx, subject, 'clearing'));
    expect(await left('pay_1')).toMatchObject([{ balanceMinor: -500, currency: 'USD' }]);
    const taken = await Promise.all(
      Array.from({ length: 5 }, () =>
        billing.db.tx(tenant, (tx) =>
          reverseTransaction(tx, transactionId, { actor: billingActor, at }),
        ),
      ),
    );
    expect(taken.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await left('pay_1')).toEqual([]);
    expect(await left('pay_2')).toMatchObject([{ balanceMinor: -70 }]);
    expect(await wrongOf(tenant)).toEqual([]);
  });

  it('is missing for another tenant', async () => {
    const { transactionId } = await billing.db.tx('owner', (tx) =>
      postTransaction(tx, clearing('pay_1', 500)),
    );
    const attempt = billing.db.tx('stranger', (tx) =>
      reverseTransaction(tx, transactionId, { actor: billingActor, at }),
    );
    await expect(attempt).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
