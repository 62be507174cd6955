import type Stripe from 'stripe';
import type { PaymentProvider, ReadCall } from '../payments.ts';
import { asked, expand, keyed, sentAtMs } from './calls.ts';
import { marks, paymentOf } from './snapshots.ts';

type Writes = Pick<PaymentProvider, 'createPayment' | 'confirm' | 'capture' | 'cancel'>;

/** What brings a payment on. */
export function writePayments(sdk: Stripe): Writes {
  const payment = (call: ReadCall, work: () => Promise<Stripe.Response<Stripe.PaymentIntent>>) =>
    asked(call, async () => {
      const intent = await work();
      return paymentOf(intent, sentAtMs(intent));
    });
  return {
    createPayment: (order, call) =>
      payment(call, () =>
        sdk.paymentIntents.create(
          {
            amount: order.amountMinor,
            currency: order.currency.toLowerCase(),
            capture_method: order.capture === 'MANUAL' ? 'manual' : 'automatic',
            automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
            ...(order.paymentMethod !== null && { payment_method: order.paymentMethod }),
            ...(order.confirm && { confirm: true }),
            ...(order.description !== null && { description: order.description }),
            metadata: {
              ...order.metadata,
              [marks.tenant]: call.account.tenant,
              [marks.payment]: order.paymentId,
              [marks.operation]: call.operationId,
            },
            expand,
          },
          keyed(call),
        ),
      ),
    confirm: ({ reference, paymentMethod }, call) =>
      payment(call, () =>
        sdk.paymentIntents.confirm(
          reference,
          { ...(paymentMethod !== null && { payment_method: paymentMethod }), expand },
          keyed(call),
        ),
      ),
    capture: ({ reference, amountMinor }, call) =>
      payment(call, () =>
        sdk.paymentIntents.capture(
          reference,
          { amount_to_capture: amountMinor, expand },
          keyed(call),
        ),
      ),
    cancel: ({ reference, reason }, call) =>
      payment(call, () =>
        sdk.paymentIntents.cancel(
          reference,
          { ...(isCancelReason(reason) && { cancellation_reason: reason }), expand },
          keyed(call),
        ),
      ),
  };
}

type CancelReason = Stripe.PaymentIntentCancelParams.CancellationReason;
function isCancelReason(reason: string | null): reason is CancelReason {
  return ['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer'].includes(reason ?? '');
}
