import type { Pool } from 'pg';
import { billingActor } from '../../../subgraphs/billing/store/actor.ts';
import {
  postTransaction,
  postTransactions,
} from '../../../subgraphs/billing/store/ledger/post-transaction.ts';
import type { Booking } from '../../../subgraphs/billing/store/ledger/post-transaction.ts';
import type { Database } from '../../../subgraphs/shared/db.ts';
import type { Finding } from '../finding.ts';
import type { Rate } from './tables.ts';
import { openTables, rate } from './tables.ts';

const seconds = 6;
const tenants = 500;
const batch = 50;
/** Of what the bare tables take for a CPU second: ours add row-level security, checks, and an audit entry. */
const spreadRatioMin = 0.2;
const hotRatioMin = 0.2;
const batchedRatioMin = 0.8;

/**
 * How many transfers the ledger takes in a second, each with its key, its checks
 * and its audit entry: on one tenant, where all meet on the same two accounts, and
 * over many. Beside it what the same Postgres takes of bare transfers, prepared
 * statements on tables without any of that, in turns within the run.
 */
export async function ledger(): Promise<readonly Finding[]> {
  const { db, bare, remove } = await openTables();
  try {
    await createBare(bare);
    const spreadBare = await rate(seconds, (client, round) =>
      bareTransfer(bare, Math.abs(client * 7_919 + round * 31) % tenants),
    );
    const spread = await rate(seconds, (client, round) =>
      posted(db, `tenant-${String(Math.abs(client * 7_919 + round * 31) % tenants)}`),
    );
    const hotBare = await rate(seconds, () => bareTransfer(bare, 0));
    const hot = await rate(seconds, () => posted(db, 'hot'));
    const batched = await rate(seconds, () => postedTogether(db, 'hot'));
    await checkBooks(db, 'hot');
    const together = `ledger, one hot account, ${String(batch)} to a commit`;
    return [
      ...figures('bare Postgres, spread', spreadBare),
      ...figures('ledger, spread', spread),
      ...figures('bare Postgres, one hot account', hotBare),
      ...figures('ledger, one hot account', hot),
      ...figures(together, batched),
      ratio('ledger, spread', spread, spreadBare, spreadRatioMin),
      ratio('ledger, one hot account', hot, hotBare, hotRatioMin),
      ratio(together, batched, hotBare, batchedRatioMin),
    ];
  } finally {
    await remove();
  }
}

function figures(name: string, { perSecond, perCpuSecond }: Rate): Finding[] {
  return [
    { name, value: perSecond, unit: 'transfers/s' },
    { name, value: perCpuSecond, unit: 'transfers/CPU s' },
  ];
}

function ratio(name: string, ours: Rate, bare: Rate, floor: number): Finding {
  const value = Math.round((ours.perCpuSecond / bare.perCpuSecond) * 100) / 100;
  return { name: `${name}, of bare Postgres`, value, unit: 'ratio', floor };
}

let sources = 0;

function transfer(): Booking {
  sources += 1;
  return {
    kind: 'payment-captured',
    source: `pay_${String(sources)}`,
    subject: `pay_${String(sources)}`,
    postings: [
      { account: 'clearing', amountMinor: -100, currency: 'USD' },
      { account: 'revenue', amountMinor: 100, currency: 'USD' },
    ],
    actor: billingActor,
    at: new Date(),
  };
}

async function posted(db: Database, tenant: string): Promise<number> {
  await db.tx(tenant, (tx) => postTransaction(tx, transfer()));
  return 1;
}

/** As consumers of messages do it, which take many in one transaction. */
async function postedTogether(db: Database, tenant: string): Promise<number> {
  const bookings = Array.from({ length: batch }, transfer);
  await db.tx(tenant, (tx) => postTransactions(tx, bookings));
  return batch;
}

async function createBare(pool: Pool): Promise<void> {
  await pool.query(`
    create table bare.account (id integer primary key, balance bigint not null default 0);
    create table bare.transfer (id text primary key, at timestamptz not null default now());
    create table bare.entry (account integer, sequence bigint generated always as identity,
      transfer text references bare.transfer, amount bigint, primary key (account, sequence));`);
  await pool.query(
    `insert into bare.account (id) select n from generate_series(0, ${String(2 * tenants)}) n`,
  );
}

/** A transfer with its key, its entries and its balances, and nothing else. */
async function bareTransfer(pool: Pool, account: number): Promise<number> {
  sources += 1;
  const id = `pay_${String(sources)}`;
  const client = await pool.connect();
  const [from, to] = [account * 2, account * 2 + 1];
  try {
    await client.query('begin');
    await client.query({
      name: 'transfer',
      text: 'insert into bare.transfer (id) values ($1) on conflict do nothing',
      values: [id],
    });
    const moved = {
      name: 'account',
      text: 'update bare.account set balance = balance + $2 where id = $1',
    };
    await client.query({ ...moved, values: [from, -100] });
    await client.query({ ...moved, values: [to, 100] });
    await client.query({
      name: 'entry',
      text: `insert into bare.entry (account, transfer, amount) values ($1, $3, -100), ($2, $3, 100)`,
      values: [from, to, id],
    });
    await client.query('commit');
  } finally {
    client.release();
  }
  return 1;
}

/** A figure of books that do not add up is none. */
async function checkBooks(db: Database, tenant: string): Promise<void> {
  const [row] = await db.tx(tenant, (tx): Promise<{ off: string; rows: string }[]> =>
    tx.query(`select (select coalesce(sum(amount_minor), 0) from ledger_entry) as off,
        (select count(*) from ledger_account a where balance_minor <>
          (select sum(amount_minor) from ledger_entry e where e.account = a.code
             and e.currency = a.currency and e.shard = a.shard)) as rows`),
  );
  if (Number(row?.off) !== 0 || Number(row?.rows) !== 0) throw new Error('The books are off.');
}
