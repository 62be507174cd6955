import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../shared/db.ts';
import type { Tx } from '../../shared/db.ts';
import { money } from '../../shared/money.ts';
import type { MoneyAmount } from '../../shared/money.ts';
import { ledgerAccounts, postGrant } from '../domain/ledger.ts';
import { accountCurrency, accountName, openingCredit } from '../domain/account.ts';
import { post } from './ledger.ts';

@Entity({ name: 'billing_account' })
export class AccountRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text' }) name!: string;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'timestamptz', name: 'opened_at' }) openedAt!: Date;
}

@Entity({ name: 'ledger_account' })
export class LedgerAccountRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) code!: string;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'bigint', name: 'balance_minor', transformer: minorUnits }) balanceMinor!: number;
  @Column({ type: 'bigint', name: 'last_sequence', transformer: minorUnits }) lastSequence!: number;
}

/**
 * Holds the tenant's account until the transaction ends, so that decisions
 * about its money are made one after another, and opens it on first use with
 * the opening credit. Two first uses at once open it once.
 */
export async function lockAccount(tx: Tx, at: Date): Promise<AccountRow> {
  const known = await findLocked(tx);
  if (known) return known;
  await openAccount(tx, at);
  return tx.findOneByOrFail(AccountRow, { tenantId: tx.tenant });
}

/** What the tenant may spend and what is kept aside; before first use, its opening credit. */
export async function readCredit(tx: Tx): Promise<{ available: MoneyAmount; held: MoneyAmount }> {
  const rows = await tx.findBy(LedgerAccountRow, { tenantId: tx.tenant });
  if (rows.length === 0) {
    return { available: openingCredit(tx.tenant), held: money(0, accountCurrency) };
  }
  const balance = (code: string) => {
    const row = rows.find((account) => account.code === code);
    return money(row?.balanceMinor ?? 0, row?.currency ?? accountCurrency);
  };
  return { available: balance('credit'), held: balance('held') };
}

/** The account as it is, if it has been opened. */
export function findAccount(tx: Tx): Promise<AccountRow | null> {
  return tx.findOneBy(AccountRow, { tenantId: tx.tenant });
}

function findLocked(tx: Tx): Promise<AccountRow | null> {
  return tx.findOne(AccountRow, {
    where: { tenantId: tx.tenant },
    lock: { mode: 'pessimistic_write' },
  });
}

/** The insert waits for another transaction that opens the same account, and then does nothing. */
async function openAccount(tx: Tx, at: Date): Promise<void> {
  const tenantId = tx.tenant;
  const credit = openingCredit(tenantId);
  const opened: unknown[] = await tx.query(
    `insert into billing_account (tenant_id, name, currency, opened_at) values ($1, $2, $3, $4)
     on conflict do nothing returning tenant_id`,
    [tenantId, accountName(tenantId), credit.currency, at],
  );
  if (opened.length === 0) {
    await findLocked(tx);
    return;
  }
  await tx.insert(
    LedgerAccountRow,
    ledgerAccounts.map((code) => ({
      tenantId,
      code,
      currency: credit.currency,
      balanceMinor: 0,
      lastSequence: 0,
    })),
  );
  const postings = postGrant(credit.amountMinor);
  await post(tx, { kind: 'opening-credit', source: 'opening', postings, at });
}
