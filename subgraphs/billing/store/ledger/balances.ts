import type { Tx } from '../../../shared/db.ts';
import type { LedgerAccountCode } from '../../domain/ledger/chart.ts';

/** An account of one currency, all its rows together. */
export interface AccountBalance {
  readonly code: LedgerAccountCode;
  readonly currency: string;
  readonly balanceMinor: number;
  readonly pendingMinor: number;
}

interface BalanceRow {
  readonly code: LedgerAccountCode;
  readonly currency: string;
  readonly balance: string;
  readonly pending: string;
}

/** One page of the tenant's accounts by code and currency; without a page, all of one code. */
export async function readBalances(
  tx: Tx,
  page: {
    readonly codes?: readonly LedgerAccountCode[];
    readonly after?: readonly [code: string, currency: string] | undefined;
    readonly limit?: number;
  },
): Promise<AccountBalance[]> {
  const rows: BalanceRow[] = await tx.query(
    `select code, currency, sum(balance_minor) as balance, sum(pending_minor) as pending
     from ledger_account
     where tenant_id = $1 and ($2::text[] is null or code = any ($2))
       and ($3::text is null or (code, currency) > ($3, $4::text))
     group by code, currency order by code, currency limit $5`,
    [
      tx.tenant,
      page.codes ?? null,
      page.after?.[0] ?? null,
      page.after?.[1] ?? null,
      page.limit ?? null,
    ],
  );
  return rows.map(balanceOf);
}

/**
 * What is left on an account of one subject, such as a payment on `clearing`:
 * the sum of its entries, by currency. Zero is not listed.
 */
export async function readSubjectBalance(
  tx: Tx,
  subject: string,
  account: LedgerAccountCode,
): Promise<AccountBalance[]> {
  const rows: BalanceRow[] = await tx.query(
    `select e.account as code, e.currency,
       coalesce(sum(e.amount_minor) filter (where not e.pending), 0) as balance,
       coalesce(sum(e.amount_minor) filter (where e.pending), 0) as pending
     from ledger_transaction t
     join ledger_entry e on e.tenant_id = t.tenant_id and e.transaction_id = t.id
     where t.tenant_id = $1 and t.subject = $2 and e.account = $3
     group by e.account, e.currency having sum(e.amount_minor) <> 0 order by e.currency`,
    [tx.tenant, subject, account],
  );
  return rows.map(balanceOf);
}

/**
 * Waits until everything that was being posted when it was asked for is there, or
 * never will be, and gives the moment: whatever is posted later is recorded then
 * or after. It ends on a full millisecond, which is as fine as clients tell time.
 */
export async function awaitPostings(tx: Tx): Promise<Date> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('ledger/' || $1::text, 0))`, [
    tx.tenant,
  ]);
  const [row]: { moment: Date }[] = await tx.query(
    `select date_trunc('milliseconds', clock_timestamp()) + interval '1 millisecond' as moment`,
  );
  const moment = row?.moment ?? new Date(NaN);
  await tx.query('select pg_sleep_until($1)', [moment]);
  return moment;
}

/**
 * The accounts as they stood at a moment, by what was recorded before it. Once
 * `awaitPostings` has told this moment or a later one the answer stays the same
 * for ever: it is read from entries, which never change.
 */
export async function readBalancesAt(tx: Tx, asOf: Date): Promise<AccountBalance[]> {
  const rows: BalanceRow[] = await tx.query(
    `select a.code, a.currency, sum(e.balance_after_minor) as balance,
       sum(e.pending_after_minor) as pending
     from ledger_account a
     cross join lateral (
       select balance_after_minor, pending_after_minor from ledger_entry e
       where e.tenant_id = a.tenant_id and e.account = a.code and e.currency = a.currency
         and e.shard = a.shard and e.recorded_at < $2
       order by e.sequence desc limit 1
     ) e
     where a.tenant_id = $1 group by a.code, a.currency order by a.currency, a.code`,
    [tx.tenant, asOf],
  );
  return rows.map(balanceOf);
}

function balanceOf({ code, currency, balance, pending }: BalanceRow): AccountBalance {
  return { code, currency, balanceMinor: Number(balance), pendingMinor: Number(pending) };
}
