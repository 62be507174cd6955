import { createHash } from 'node:crypto';
import { auditAll } from '../../../shared/audit.ts';
import type { Actor } from '../../../shared/auth.ts';
import type { Tx } from '../../../shared/db.ts';
import { ForgeError } from '../../../shared/errors.ts';
import { newId } from '../../../shared/ids.ts';
import { stableJson } from '../../../shared/json.ts';
import { chart } from '../../domain/ledger/chart.ts';
import type { LedgerAccountCode } from '../../domain/ledger/chart.ts';
import type { TransactionDraft } from '../../domain/ledger/transaction.ts';
import { checkBalanced } from '../../domain/ledger/transaction.ts';

/** A transaction to post, and who is answerable for it. */
export interface Booking extends TransactionDraft {
  readonly actor: Actor;
  /** The transaction that this one takes back; it can be taken back once. */
  readonly reverses?: string;
}

export interface Posted {
  readonly transactionId: string;
  /** Whether the cause had moved money before, so that nothing was moved now. */
  readonly replayed: boolean;
}

/**
 * Moves money: the transaction, its entries, the balances they lead to and an
 * audit entry commit with the caller's transaction or not at all.
 *
 * Kind and source are the idempotency key. Posted again with the same postings,
 * nothing moves and the first transaction is answered; with others it throws
 * CONFLICT. Calls at the same time with one key move money once. No account has
 * to be opened before.
 */
export async function postTransaction(tx: Tx, booking: Booking): Promise<Posted> {
  const [posted] = await postTransactions(tx, [booking]);
  if (!posted) throw new ForgeError('INTERNAL', `${booking.kind} was posted without an answer.`);
  return posted;
}

/**
 * Posts many transactions in one statement, the answers in their order. Accounts
 * are taken in one order, so that calls that meet wait for each other and never
 * both.
 */
export async function postTransactions(
  tx: Tx,
  bookings: readonly Booking[],
): Promise<readonly Posted[]> {
  if (bookings.length === 0) return [];
  for (const booking of bookings) checkBalanced(booking);
  const ids = bookings.map(() => newId('ltx'));
  const hashes = bookings.map(contentHash);
  const rows: PostedRow[] = await tx.query(
    'select * from post_transactions($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)',
    [
      ids,
      bookings.map(({ kind }) => kind),
      bookings.map(({ source }) => source),
      bookings.map(({ subject }) => subject ?? null),
      bookings.map(({ reverses }) => reverses ?? null),
      hashes,
      bookings.map(({ at }) => at),
      ...entryColumns(bookings),
    ],
  );
  const posted = bookings.map((booking, index) =>
    answerOf(booking, rows[index], ids[index], hashes[index]),
  );
  await auditAll(tx, auditEntriesOf(bookings, posted));
  return posted;
}

interface PostedRow {
  readonly transaction_id: string;
  readonly content_hash: string | null;
}

/** The entries of all bookings, a column each. */
function entryColumns(bookings: readonly Booking[]): unknown[] {
  const shardOf = subAccountsFor();
  const entries = bookings.flatMap(({ postings }, index) =>
    postings.map((posting) => ({ place: index + 1, ...posting })),
  );
  return [
    entries.map(({ place }) => place),
    entries.map(({ account }) => account),
    entries.map(({ currency }) => currency),
    entries.map(({ account }) => shardOf(account)),
    entries.map(({ pending = false }) => pending),
    entries.map(({ amountMinor }) => amountMinor),
  ];
}

/** One row of each account per call: calls that meet take different ones, mostly. */
function subAccountsFor(): (account: LedgerAccountCode) => number {
  const place = Math.random();
  return (account) => Math.floor(place * chart[account].subAccounts);
}

function answerOf(
  { kind, source }: Booking,
  row: PostedRow | undefined,
  id: string | undefined,
  hash: string | undefined,
): Posted {
  if (!row) throw new ForgeError('INTERNAL', `${kind} of ${source} was posted without an answer.`);
  const { transaction_id: transactionId, content_hash: first } = row;
  if (first !== null && first !== hash) {
    throw new ForgeError(
      'CONFLICT',
      `${kind} of ${source} was posted before, with other postings.`,
    );
  }
  return { transactionId, replayed: transactionId !== id };
}

/** What must be the same when a cause is posted again: everything but the time. */
function contentHash({ kind, source, subject, reverses, postings }: Booking): string {
  const text = stableJson({ kind, source, subject, reverses, postings });
  return createHash('sha256').update(text).digest('hex');
}

function auditEntriesOf(bookings: readonly Booking[], posted: readonly Posted[]) {
  return bookings.flatMap(({ actor, kind, source, subject, reverses, postings, at }, index) => {
    const { transactionId = '', replayed = true } = posted[index] ?? {};
    if (replayed) return [];
    const target = { type: 'ledger-transaction', id: transactionId };
    const facts = {
      kind,
      source,
      ...(subject !== undefined && { subject }),
      ...(reverses !== undefined && { reverses }),
      postings: postings.map((posting) => ({ ...posting })),
    };
    return [{ actor, action: 'ledger.posted', target, outcome: 'success' as const, facts, at }];
  });
}
