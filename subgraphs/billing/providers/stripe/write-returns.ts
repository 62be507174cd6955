import type Stripe from 'stripe';
import type { PaymentProvider } from '../payments.ts';
import { asked, keyed, sentAtMs } from './calls.ts';
import { disputeEvidence } from './evidence.ts';
import { disputeOf, marks, refundOf } from './snapshots.ts';

type Writes = Pick<PaymentProvider, 'refund' | 'cancelRefund' | 'submitEvidence' | 'acceptDispute'>;

/** What gives money back, or fights for it. */
export function writeReturns(sdk: Stripe): Writes {
  const refund = (work: () => Promise<Stripe.Refund>) =>
    asked({}, async () => refundOf(await work()));
  const dispute = (work: () => Promise<Stripe.Response<Stripe.Dispute>>) =>
    asked({}, async () => {
      const found = await work();
      return disputeOf(found, sentAtMs(found));
    });
  return {
    refund: (order, call) =>
      refund(() =>
        sdk.refunds.create(
          {
            payment_intent: order.paymentReference,
            amount: order.amountMinor,
            ...(isRefundReason(order.reason) && { reason: order.reason }),
            metadata: {
              [marks.tenant]: call.account.tenant,
              [marks.refund]: order.refundId,
              [marks.operation]: call.operationId,
            },
          },
          keyed(call),
        ),
      ),
    cancelRefund: ({ reference }, call) =>
      refund(() => sdk.refunds.cancel(reference, {}, keyed(call))),
    submitEvidence: ({ reference, evidence }, call) =>
      dispute(() =>
        sdk.disputes.update(
          reference,
          { evidence: disputeEvidence(evidence), submit: true },
          keyed(call),
        ),
      ),
    acceptDispute: ({ reference }, call) =>
      dispute(() => sdk.disputes.close(reference, {}, keyed(call))),
  };
}

type RefundReason = Stripe.RefundCreateParams.Reason;
function isRefundReason(reason: string | null): reason is RefundReason {
  return ['duplicate', 'fraudulent', 'requested_by_customer'].includes(reason ?? '');
}
