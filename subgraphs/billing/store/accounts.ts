import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Tx } from '../../shared/db.ts';
import { money } from '../../shared/money.ts';
import type { MoneyAmount } from '../../shared/money.ts';
import { postGrant } from '../domain/ledger/credit-postings.ts';
import { accountCurrency, accountName, openingCredit } from '../domain/account.ts';
import { billingActor } from './actor.ts';
import { readBalances } from './ledger/balances.ts';
import { postTransaction } from './ledger/post-transaction.ts';

@Entity({ name: 'billing_account' })
export class AccountRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @Column({ type: 'text' }) name!: string;
  @Column({ type: 'text' }) currency!: string;
  @Column({ type: 'timestamptz', name: 'opened_at' }) openedAt!: Date;
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
  const balances = await readBalances(tx, { codes: ['credit', 'held'] });
  const credit = balances.find(({ code }) => code === 'credit');
  if (!credit) return { available: openingCredit(tx.tenant), held: money(0, accountCurrency) };
  const held = balances.find(({ code }) => code === 'held');
  return {
    available: money(credit.balanceMinor, credit.currency),
    held: money(held?.balanceMinor ?? 0, credit.currency),
  };
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
  await postTransaction(tx, {
    kind: 'opening-credit',
    source: 'opening',
    postings: postGrant(credit),
    actor: billingActor,
    at,
  });
}
