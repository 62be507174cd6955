import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BillingUnderTest } from '../fixtures/billing.ts';
import { openBilling, submission, usage } from '../fixtures/billing.ts';
import { post } from './ledger.ts';

let billing: BillingUnderTest;
beforeAll(async () => {
  billing = await openBilling();
  await billing.submitted('books', submission('job_1'));
  await billing.submitted('books', submission('job_2'));
  await billing.finished('books', usage('job_1'));
  await billing.unneeded('books', { jobId: 'job_2', attempt: 1 });
});
afterAll(() => billing.close());

const kept = ['ledger_transaction', 'ledger_entry', 'usage_fact', 'charge', 'price_list'];

describe('the books', () => {
  it('add up: every transaction and all accounts to zero, every balance to its entries', async () => {
    const sums = `select transaction_id from ledger_entry group by transaction_id, currency
      having sum(amount_minor) <> 0`;
    expect(await billing.rows('books', sums)).toEqual([]);
    const balances = Object.values(await billing.balances('books'));
    expect(balances.reduce((sum, balance) => sum + balance, 0)).toBe(0);
    const running = `select account, sequence from (
        select account, sequence, balance_after_minor,
          sum(amount_minor) over (partition by account order by sequence) as running,
          row_number() over (partition by account order by sequence) as place
        from ledger_entry) entry
      where running <> balance_after_minor or place <> sequence`;
    expect(await billing.rows('books', running)).toEqual([]);
  });

  it('refuse a transaction that does not add up, and keep nothing of it', async () => {
    const postings = [
      { account: 'credit', amountMinor: 5 },
      { account: 'revenue', amountMinor: -4 },
    ] as const;
    const before = await billing.balances('books');
    const booking = { kind: 'hold-released', source: 'off', postings, at: new Date() } as const;
    await expect(billing.db.tx('books', (tx) => post(tx, booking))).rejects.toThrow(
      'does not add up to zero',
    );
    expect(await billing.balances('books')).toEqual(before);
  });

  it('refuse a transaction without entries', async () => {
    const empty = `insert into ledger_transaction (tenant_id, id, kind, source, posted_at)
      values ('books', 'ltx_empty', 'hold-placed', 'empty', now())`;
    await expect(billing.rows('books', empty)).rejects.toThrow('does not add up to zero');
  });

  it('book a cause once', async () => {
    const postings = [
      { account: 'credit', amountMinor: -5 },
      { account: 'revenue', amountMinor: 5 },
    ] as const;
    const again = { kind: 'charge-settled', source: 'job_1:1', postings, at: new Date() } as const;
    await expect(billing.db.tx('books', (tx) => post(tx, again))).rejects.toThrow('duplicate key');
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
