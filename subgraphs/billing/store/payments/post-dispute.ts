import type { Tx } from '../../../shared/db.ts';
import { postDisputeLost, postDisputeMoved } from '../../domain/payments/postings.ts';
import { postTransaction } from '../ledger/post-transaction.ts';
import { findTransactionOf, reverseTransaction } from '../ledger/transactions.ts';
import type { DisputeRow } from './rows.ts';
import type { Cause } from './write-payment.ts';

/**
 * Books what a dispute took, gave back and cost, each movement once; what it holds
 * is a loss once it is lost, and no more when an appeal is won after all.
 */
export async function postDispute(
  tx: Tx,
  dispute: DisputeRow,
  { by: actor, at }: Cause,
): Promise<void> {
  const { id, paymentId: subject, currency, facts, status } = dispute;
  for (const movement of facts.movements) {
    await postTransaction(tx, {
      kind: movement.amountMinor < 0 ? 'dispute-withdrawn' : 'dispute-reinstated',
      source: movement.reference,
      postings: postDisputeMoved(movement, currency),
      ...{ subject, actor, at },
    });
  }
  const lost = await findTransactionOf(tx, 'dispute-lost', id);
  if (status === 'LOST' && !lost && dispute.withdrawnMinor > 0) {
    const postings = postDisputeLost(dispute.withdrawnMinor, currency);
    await postTransaction(tx, { kind: 'dispute-lost', source: id, subject, postings, actor, at });
  }
  if (status === 'WON' && lost) await reverseTransaction(tx, lost.id, { actor, at });
}
