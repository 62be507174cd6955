import { expect, it } from '@jest/globals';
import { Client } from 'pg';
import { migrate, openDatabase } from '../../../shared/db.ts';
import { createLog } from '../../../shared/log.ts';
import { kernelTables } from '../../../shared/tables.ts';
import { freshUrl } from '../../../../test/support/database.ts';
import { billingActor } from '../actor.ts';
import { readBalances, readBalancesAt } from '../ledger/balances.ts';
import { postTransaction } from '../ledger/post-transaction.ts';
import { LedgerAccountRow } from '../ledger/rows.ts';
import { migrations } from './index.ts';

const before = migrations.findIndex((one) => new one().name?.startsWith('WidenLedger'));

const books = `
  select set_config('forge.tenant', 'acme', false);
  insert into billing_account values ('acme', 'Acme', 'USD', '2026-05-05T10:00:00Z');
  insert into ledger_account values
    ('acme', 'credit', 'USD', 100, 1), ('acme', 'funding', 'USD', -100, 1);
  insert into ledger_transaction values
    ('acme', 'ltx_old', 'opening-credit', 'opening', '2026-05-05T10:00:00Z');
  insert into ledger_entry values
    ('acme', 'credit', 1, 'ltx_old', 100, 100, 'USD'),
    ('acme', 'funding', 1, 'ltx_old', -100, -100, 'USD');`;

it('keeps the books that were written before, and goes on with them', async () => {
  const url = await freshUrl();
  await migrate(url, [{ name: 'billing', migrations: migrations.slice(0, before) }], kernelTables);
  const owner = new Client({ connectionString: url, options: '-c search_path=billing' });
  await owner.connect();
  await owner.query(books);
  await owner.end();

  await migrate(url, [{ name: 'billing', migrations }], kernelTables);
  const log = createLog({ level: 'silent' });
  const entities = [LedgerAccountRow];
  const db = await openDatabase({ url, name: 'billing', entities, poolMax: 2, log });
  const at = new Date('2026-05-06T10:00:00Z');
  const old = await db.tx('acme', (tx) => readBalancesAt(tx, at));
  expect(old).toMatchObject([
    { code: 'credit', balanceMinor: 100 },
    { code: 'funding', balanceMinor: -100 },
  ]);
  await db.tx('acme', (tx) =>
    postTransaction(tx, {
      kind: 'hold-placed',
      source: 'job_1:1',
      postings: [
        { account: 'credit', amountMinor: -30, currency: 'USD' },
        { account: 'held', amountMinor: 30, currency: 'USD' },
      ],
      actor: billingActor,
      at,
    }),
  );
  expect(
    await db.tx('acme', (tx) => readBalances(tx, { codes: ['credit', 'held'] })),
  ).toMatchObject([
    { code: 'credit', balanceMinor: 70 },
    { code: 'held', balanceMinor: 30 },
  ]);
  expect(await db.tx('acme', (tx) => readBalancesAt(tx, at))).toEqual(old);
  await db.close();
});
