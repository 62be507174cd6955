import type Stripe from 'stripe';
import type { PaymentSnapshot } from '../../domain/payments/payment-state.ts';
import type { PaymentProvider, ReadCall } from '../payments.ts';
import { asked, expand, sent, sentAtMs } from './calls.ts';
import { after, pageMax, seconds } from './lists.ts';
import { disputeOf, marks, paymentOf, refundOf } from './snapshots.ts';

type Reads = Pick<
  PaymentProvider,
  'fetchPayment' | 'fetchRefund' | 'fetchDispute' | 'clientSecret' | 'findPayment' | 'findRefund'
>;

/** What is there. Reading has no effect. */
export function reads(sdk: Stripe): Reads {
  const refund = (work: () => Promise<Stripe.Refund>) =>
    asked({}, async () => refundOf(await work()));
  const dispute = (work: () => Promise<Stripe.Response<Stripe.Dispute>>) =>
    asked({}, async () => {
      const found = await work();
      return disputeOf(found, sentAtMs(found));
    });
  return {
    fetchPayment: (reference, call) =>
      asked(call, async () => {
        const intent = await sdk.paymentIntents.retrieve(reference, { expand }, sent(call));
        return {
          snapshot: paymentOf(intent, sentAtMs(intent)),
          paymentId: intent.metadata[marks.payment] ?? null,
          tenant: intent.metadata[marks.tenant] ?? null,
        };
      }),
    fetchRefund: (reference, call) => refund(() => sdk.refunds.retrieve(reference, {}, sent(call))),
    fetchDispute: (reference, call) =>
      dispute(() => sdk.disputes.retrieve(reference, {}, sent(call))),
    clientSecret: (reference, call) =>
      asked(
        call,
        async () =>
          (await sdk.paymentIntents.retrieve(reference, {}, sent(call))).client_secret ?? '',
      ),
    findPayment: ({ operationId, since }, call) =>
      asked(call, () => findPayment(sdk, operationId, since, call)),
    findRefund: ({ operationId, paymentReference }, call) =>
      asked(call, async () => {
        const list = await sdk.refunds.list(
          { payment_intent: paymentReference, limit: pageMax },
          sent(call),
        );
        const found = list.data.find(({ metadata }) => metadata?.[marks.operation] === operationId);
        return found && refundOf(found);
      }),
  };
}

const pagesMax = 20;

/** Lists are up to date when search is not: what an operation made is found here by its mark. */
async function findPayment(
  sdk: Stripe,
  operationId: string,
  since: Date,
  call: ReadCall,
): Promise<PaymentSnapshot | undefined> {
  let cursor: string | null = null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const list: Stripe.ApiListPromise<Stripe.PaymentIntent> = sdk.paymentIntents.list(
      { created: { gte: seconds(since) - clockMarginSeconds }, limit: pageMax, ...after(cursor) },
      sent(call),
    );
    const { data, has_more: more } = await list;
    const found = data.find(({ metadata }) => metadata[marks.operation] === operationId);
    // Read by itself it tells more, and by which clock.
    if (found) {
      const intent = await sdk.paymentIntents.retrieve(found.id, { expand }, sent(call));
      return paymentOf(intent, sentAtMs(intent));
    }
    if (!more) return undefined;
    cursor = data.at(-1)?.id ?? null;
  }
  throw new Error(`Too many payments since ${since.toISOString()} to find ${operationId}.`);
}

const clockMarginSeconds = 3_600;
