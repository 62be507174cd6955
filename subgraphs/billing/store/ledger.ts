import { Column, Entity, PrimaryColumn } from 'typeorm';
import { minorUnits } from '../../shared/db.ts';
import type { Tx } from '../../shared/db.ts';
import { newId } from '../../shared/ids.ts';
import type { Posting, TransactionKind } from '../domain/ledger.ts';

@Entity({ name: 'ledger_transaction' })
export class LedgerTransactionRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) kind!: string;
  @Column({ type: 'text' }) source!: string;
  @Column({ type: 'timestamptz', name: 'posted_at' }) postedAt!: Date;
}

@Entity({ name: 'ledger_entry' })
export class LedgerEntryRow {
  @PrimaryColumn({ type: 'text', name: 'tenant_id' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) account!: string;
  @PrimaryColumn({ type: 'bigint', transformer: minorUnits }) sequence!: number;
  @Column({ type: 'text', name: 'transaction_id' }) transactionId!: string;
  @Column({ type: 'bigint', name: 'amount_minor', transformer: minorUnits }) amountMinor!: number;
  @Column({ type: 'bigint', name: 'balance_after_minor', transformer: minorUnits })
  balanceAfterMinor!: number;
  @Column({ type: 'text' }) currency!: string;
}

/** One movement of a tenant's money. `source` names its cause; a cause is booked once per kind. */
export interface Booking {
  readonly kind: TransactionKind;
  readonly source: string;
  readonly postings: readonly Posting[];
  readonly at: Date;
}

/**
 * Books a transaction: its entries, and the balances they lead to, in one
 * statement. The caller holds the account's lock. Booking the same cause again
 * fails, and so does a transaction that is off balance, when it commits.
 */
export async function post(tx: Tx, booking: Booking): Promise<void> {
  if (booking.postings.length === 0) return;
  await tx.query(postStatement, [
    tx.tenant,
    newId('ltx'),
    booking.kind,
    booking.source,
    booking.at,
    booking.postings.map((posting) => posting.account),
    booking.postings.map((posting) => posting.amountMinor),
  ]);
}

const postStatement = `
  with header as (
    insert into ledger_transaction (tenant_id, id, kind, source, posted_at)
    values ($1, $2, $3, $4, $5) returning id
  ), moved as (
    update ledger_account a
    set balance_minor = a.balance_minor + p.amount_minor, last_sequence = a.last_sequence + 1
    from unnest($6::text[], $7::bigint[]) as p (account, amount_minor)
    where a.tenant_id = $1 and a.code = p.account
    returning a.code, a.last_sequence, p.amount_minor, a.balance_minor, a.currency
  )
  insert into ledger_entry
    (tenant_id, account, sequence, transaction_id, amount_minor, balance_after_minor, currency)
  select $1, m.code, m.last_sequence, h.id, m.amount_minor, m.balance_minor, m.currency
  from moved m cross join header h`;
