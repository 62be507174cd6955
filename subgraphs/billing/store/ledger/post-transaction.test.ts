import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BillingUnderTest } from '../../fixtures/billing.ts';
import { openBilling, submission, usage } from '../../fixtures/billing.ts';
import { billingActor } from '../actor.ts';
import type { Posting } from '../../domain/ledger/transaction.ts';
import { amendUsage } from '../metering/amend.ts';
import { ingestUsage } from '../metering/ingest.ts';
import type { Booking } from './post-transaction.ts';
import { postTransaction } from './post-transaction.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
  await billing.submitted('books', submission('job_1'));
  await billing.submitted('books', submission('job_2'));
  await billing.finished('books', usage('job_1'));
  await billing.unneeded('books', { jobId: 'job_2', attempt: 1 });
  const [actor, at] = [billingActor, new Date('2026-05-05T10:00:00Z')];
  const event = { specversion: '1.0', id: 'e1', source: 's', type: 'used' };
  await billing.db.tx('books', async (tx) => {
    await ingestUsage(tx, { events: [event], actor, at });
    await amendUsage(tx, { source: 's', id: 'e1', data: null, reason: 'test', actor, at });
  });
});
afterAll(() => billing.close());

const kept = [
  'ledger_transaction',
  'ledger_entry',
  'usage_fact',
  'charge',
  'price_list',
  'usage_event',
  'usage_amendment',
];

const usd = (account: Posting['account'], amountMinor: number): Posting => ({
  account,
  amountMinor,
  currency: 'USD',
});
const booking = (source: string, ...postings: readonly Posting[]): Booking => ({
  kind: 'test-posted',
  source,
  postings,
  actor: billingActor,
  at: new Date('2026-05-05T10:00:00Z'),
});

describe('the books', () => {
  it('refuse a transaction without entries', async () => {
    const empty = `insert into ledger_transaction
        (tenant_id, id, kind, source, effective_at, recorded_at)
      values ('books', 'ltx_empty', 'hold-placed', 'empty', now(), now())`;
    await expect(billing.rows('books', empty)).rejects.toThrow('does not add up to zero');
  });

  it('refuse entries that do not add up, added to a transaction that was posted', async () => {
    const more = `insert into ledger_entry select e.tenant_id, account, e.sequence + 1000,
        transaction_id, amount_minor, balance_after_minor, currency, shard, pending,
        pending_after_minor, recorded_at
      from ledger_entry e where account = 'revenue' limit 1`;
    await expect(billing.rows('books', more)).rejects.toThrow('do not add up to zero');
  });

  it('refuse what is off balance, and keep nothing of it', async () => {
    const before = await billing.balances('books');
    const off = booking('off', usd('credit', 5), usd('revenue', -4));
    await expect(billing.db.tx('books', (tx) => postTransaction(tx, off))).rejects.toThrow(
      'does not add up to zero, by 1 USD',
    );
    expect(await billing.balances('books')).toEqual(before);
  });

  it('move money once for a cause, and answer the first transaction again', async () => {
    const post = () =>
      billing.db.tx('once', (tx) =>
        postTransaction(tx, booking('again', usd('cash', -5), usd('revenue', 5))),
      );
    const first = await post();
    expect(first.replayed).toBe(false);
    expect(await post()).toEqual({ transactionId: first.transactionId, replayed: true });
    expect(await billing.balances('once')).toMatchObject({ cash: -5, revenue: 5 });
  });

  it('refuse a cause that comes back with other postings', async () => {
    const post = (amount: number) =>
      billing.db.tx('other', (tx) =>
        postTransaction(tx, booking('again', usd('cash', -amount), usd('revenue', amount))),
      );
    await post(5);
    await expect(post(6)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await billing.balances('other')).toMatchObject({ cash: -5, revenue: 5 });
  });

  it('leave one audit entry for each transaction, by who is answerable', async () => {
    const { transactionId } = await billing.db.tx('audited', (tx) =>
      postTransaction(tx, booking('one', usd('cash', -5), usd('revenue', 5))),
    );
    const entries = await billing.published('audited', 'audit.recorded', transactionId);
    expect(entries).toMatchObject([
      { action: 'ledger.posted', actor: billingActor, target: { type: 'ledger-transaction' } },
    ]);
  });

  it.each(kept)(
    'are never changed, emptied or thinned, not even by the owner: %s',
    async (table) => {
      const asOwner = (statement: string) =>
        billing.db.owner.query(
          `set row_security = off; alter table ${table} no force row level security; ${statement}`,
        );
      await expect(asOwner(`update ${table} set tenant_id = tenant_id`)).rejects.toThrow(
        'append-only',
      );
      await expect(asOwner(`delete from ${table}`)).rejects.toThrow('append-only');
      await expect(asOwner(`truncate ${table} cascade`)).rejects.toThrow('append-only');
    },
  );
});

describe('a new tenant', () => {
  it('is opened once, with its opening credit, however many first uses race', async () => {
    await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        billing.unneeded('newcomer', { jobId: `j${n}`, attempt: 1 }),
      ),
    );
    expect(await billing.balances('newcomer')).toMatchObject({ credit: 10_000, funding: -10_000 });
    expect(await billing.rows('newcomer', 'select * from ledger_entry')).toHaveLength(2);
  });
});
