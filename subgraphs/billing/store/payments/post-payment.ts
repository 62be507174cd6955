import type { Tx } from '../../../shared/db.ts';
import { postCapture, postSettlement } from '../../domain/payments/postings.ts';
import { postTransaction } from '../ledger/post-transaction.ts';
import type { PaymentRow } from './rows.ts';
import type { Cause } from './write-payment.ts';

/**
 * Books what a payment's money has moved since it was last booked. The caller
 * holds the payment's row, so that a movement is booked once; its key in the
 * ledger says so once more. What is in conflict is not booked.
 */
export async function postPayment(
  tx: Tx,
  payment: PaymentRow,
  { by: actor, at }: Cause,
): Promise<Pick<PaymentRow, 'postedMinor' | 'settledMinor' | 'feeMinor'>> {
  const { id: subject, currency, capturedMinor, status } = payment;
  let { postedMinor, settledMinor, feeMinor } = payment;
  if (status === 'CONFLICTED') return { postedMinor, settledMinor, feeMinor };
  if (capturedMinor > postedMinor) {
    await postTransaction(tx, {
      kind: 'payment-captured',
      source: `${subject}:${capturedMinor}`,
      postings: postCapture(capturedMinor - postedMinor, currency),
      ...{ subject, actor, at },
    });
    postedMinor = capturedMinor;
  }
  const settlements = Object.values(payment.facts.settlements).filter(
    (settlement) => settlement.currency === currency,
  );
  const sum = settlements.reduce((total, { amountMinor }) => total + amountMinor, 0);
  // What is settled before it is known to be captured is booked when it is.
  if (sum === settledMinor || sum > postedMinor) return { postedMinor, settledMinor, feeMinor };
  for (const settlement of settlements) {
    await postTransaction(tx, {
      kind: 'payment-settled',
      source: settlement.reference,
      postings: postSettlement(settlement, currency),
      ...{ subject, actor, at },
    });
  }
  settledMinor = sum;
  feeMinor = settlements.reduce((total, settlement) => total + settlement.feeMinor, 0);
  return { postedMinor, settledMinor, feeMinor };
}
