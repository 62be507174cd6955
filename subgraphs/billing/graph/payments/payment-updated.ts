import {
  Arg,
  Authorized,
  Ctx,
  Field,
  ID,
  Int,
  ObjectType,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import { notFound } from '../../../shared/errors.ts';
import type { StoredEvent } from '../../../shared/events.ts';
import { Cursor } from '../../../shared/graph.ts';
import { isId } from '../../../shared/ids.ts';
import type { PaymentStatus } from '../../domain/payments/payment-status.ts';
import { isPaymentOver } from '../../domain/payments/payment-status.ts';
import { findPayment } from '../../store/payments/payments.ts';
import type { PaymentChanged } from '../../store/payments/tell-payment.ts';
import { paymentStream } from '../../store/payments/tell-payment.ts';
import type { Context } from './context.ts';
import { Payment } from './payment.ts';
import { PaymentStatusEnum } from './words.ts';

@ObjectType('PaymentUpdate', { description: 'A payment as it was at one of its versions.' })
export class PaymentUpdate {
  @Field(() => Cursor, { description: 'Goes on right behind this version.' }) cursor!: string;
  @Field(() => Int, { description: 'Grows by one; none is left out.' }) version!: number;
  @Field(() => PaymentStatusEnum, { nullable: true }) previousStatus!: PaymentStatus | null;
  @Field(() => Payment) payment!: Payment;
}

interface Args {
  readonly id: string;
  readonly since?: string | null;
}

@Resolver()
export class PaymentUpdatedResolver {
  @Authorized('billing:read')
  @Subscription(() => PaymentUpdate, {
    description:
      'The payment as it is now, or every version after the cursor, then each new one. Ends some time after the payment is over.',
    subscribe: ({ args, context }: { args: Args; context: Context }) => updates(context, args),
  })
  paymentUpdated(
    @Root() event: StoredEvent,
    @Ctx() ctx: Context,
    @Arg('id', () => ID) _id: string,
    @Arg('since', () => Cursor, { nullable: true }) _since?: string,
  ): PaymentUpdate {
    const { previousStatus, payment } = event.payload as unknown as PaymentChanged;
    return Object.assign(new PaymentUpdate(), {
      cursor: ctx.events.cursor(event.stream, event.seq),
      version: event.seq,
      previousStatus,
      payment: Payment.of(payment),
    });
  }
}

/** The snapshot is the latest version in the log, so that nothing falls between it and the next. */
async function updates(
  ctx: Context,
  { id, since }: Args,
): Promise<AsyncIterableIterator<StoredEvent>> {
  const payment = isId('payment', id) ? await ctx.db.tx((tx) => findPayment(tx, id)) : null;
  if (!payment) throw notFound('Payment');
  const stream = paymentStream(id);
  const before = payment.version - 1;
  const after = since ?? (before > 0 ? ctx.events.cursor(stream, before) : undefined);
  return ctx.events.follow(stream, {
    ...(after !== undefined && { after }),
    endsAfter: () => false,
    // A payment that is over may still be refunded or disputed.
    graceMs: ({ payload }) =>
      isPaymentOver((payload as unknown as PaymentChanged).payment.status)
        ? ctx.deps.pace.graceMs
        : undefined,
  });
}
