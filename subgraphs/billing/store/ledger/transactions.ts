import { In } from 'typeorm';
import type { Tx } from '../../../shared/db.ts';
import { notFound } from '../../../shared/errors.ts';
import type { LedgerAccountCode } from '../../domain/ledger/chart.ts';
import type { Posting } from '../../domain/ledger/transaction.ts';
import { reversed } from '../../domain/ledger/transaction.ts';
import type { Booking, Posted } from './post-transaction.ts';
import { postTransaction } from './post-transaction.ts';
import { LedgerEntryRow, LedgerTransactionRow } from './rows.ts';

export interface TransactionPage {
  readonly account?: LedgerAccountCode | undefined;
  readonly kind?: string | undefined;
  readonly subject?: string | undefined;
  readonly limit: number;
  readonly beforeId: string | undefined;
}

/** One page of the tenant's ledger transactions, the newest first. */
export async function listTransactions(
  tx: Tx,
  { account, kind, subject, limit, beforeId }: TransactionPage,
): Promise<LedgerTransactionRow[]> {
  const query = tx
    .createQueryBuilder(LedgerTransactionRow, 't')
    .where('t.tenant_id = :tenant', { tenant: tx.tenant })
    .orderBy('t.id', 'DESC')
    .limit(limit);
  if (kind !== undefined) query.andWhere('t.kind = :kind', { kind });
  if (subject !== undefined) query.andWhere('t.subject = :subject', { subject });
  if (beforeId !== undefined) query.andWhere('t.id < :beforeId', { beforeId });
  if (account !== undefined) {
    query.andWhere(
      `exists (select from ledger_entry e where e.tenant_id = t.tenant_id
         and e.transaction_id = t.id and e.account = :account)`,
      { account },
    );
  }
  return query.getMany();
}

export async function findTransactions(
  tx: Tx,
  ids: readonly string[],
): Promise<LedgerTransactionRow[]> {
  return tx.findBy(LedgerTransactionRow, { tenantId: tx.tenant, id: In([...ids]) });
}

/** The transaction that a cause was booked by, if it was. */
export function findTransactionOf(
  tx: Tx,
  kind: string,
  source: string,
): Promise<LedgerTransactionRow | null> {
  return tx.findOneBy(LedgerTransactionRow, { tenantId: tx.tenant, kind, source });
}

/** The entries of transactions, in the order in which accounts were taken. */
export async function entriesOf(tx: Tx, ids: readonly string[]): Promise<LedgerEntryRow[]> {
  return tx.find(LedgerEntryRow, {
    where: { tenantId: tx.tenant, transactionId: In([...ids]) },
    order: { account: 'ASC', currency: 'ASC', shard: 'ASC', sequence: 'ASC' },
  });
}

/** The transactions that take these back. */
export async function reversalsOf(tx: Tx, ids: readonly string[]): Promise<LedgerTransactionRow[]> {
  return tx.findBy(LedgerTransactionRow, { tenantId: tx.tenant, reverses: In([...ids]) });
}

/**
 * Takes a transaction back by one that is its opposite. What was posted stays.
 * A second reversal is the first one's replay.
 */
export async function reverseTransaction(
  tx: Tx,
  transactionId: string,
  { actor, at }: Pick<Booking, 'actor' | 'at'>,
): Promise<Posted> {
  const [original] = await findTransactions(tx, [transactionId]);
  if (!original) throw notFound('Ledger transaction');
  const postings = (await entriesOf(tx, [transactionId])).map(postingOf);
  return postTransaction(tx, {
    kind: 'reversal',
    source: transactionId,
    ...(original.subject !== null && { subject: original.subject }),
    reverses: transactionId,
    postings: reversed(postings),
    actor,
    at,
  });
}

function postingOf({ account, amountMinor, currency, pending }: LedgerEntryRow): Posting {
  return { account, amountMinor, currency, ...(pending && { pending }) };
}
