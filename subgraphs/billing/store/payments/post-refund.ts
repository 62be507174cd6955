import type { Tx } from '../../../shared/db.ts';
import { postRefundPaid } from '../../domain/payments/postings.ts';
import { postTransaction } from '../ledger/post-transaction.ts';
import { findTransactionOf, reverseTransaction } from '../ledger/transactions.ts';
import type { RefundRow } from './rows.ts';
import type { Cause } from './write-payment.ts';

/**
 * Books a refund that went out, and takes it back when the money came back after
 * all. Each is booked once, whoever tells of it.
 */
export async function postRefund(
  tx: Tx,
  refund: RefundRow,
  from: RefundRow['status'],
  { by: actor, at }: Cause,
): Promise<void> {
  const { id: source, paymentId: subject, amountMinor, currency, status } = refund;
  if (status === from) return;
  if (status === 'SUCCEEDED') {
    const postings = postRefundPaid(amountMinor, currency);
    await postTransaction(tx, { kind: 'refund-paid', source, subject, postings, actor, at });
    return;
  }
  const paid = await findTransactionOf(tx, 'refund-paid', source);
  if (paid) await reverseTransaction(tx, paid.id, { actor, at });
}
