import {
  Arg,
  Authorized,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Resolver,
} from 'type-graphql';
import { MinorUnits, NotFoundRefusal } from '../../../shared/graph.ts';
import type { Tx } from '../../../shared/db.ts';
import { isId } from '../../../shared/ids.ts';
import type { Decision } from '../../domain/payments/decide.ts';
import { decideCancel, decideCapture, decideConfirm } from '../../domain/payments/decide.ts';
import type { OperationKind } from '../../domain/payments/operation.ts';
import { openAttempt } from '../../store/payments/attempts.ts';
import { insertOperation } from '../../store/payments/operations.ts';
import { findPayment, lockPayment } from '../../store/payments/payments.ts';
import type { OperationInput, PaymentRow } from '../../store/payments/rows.ts';
import { syncPayment } from '../../workflows/payments/sync-payment.ts';
import type { Context } from './context.ts';
import type { Begun, PaymentRefusal } from './operate.ts';
import { busy, operate, paymentNow, paymentRefusals, refused, start } from './operate.ts';
import { Payment } from './payment.ts';
import { ProviderRefused } from './refusals.ts';
import { boundedText } from './words.ts';

@InputType('ConfirmPaymentInput')
export class ConfirmPaymentInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) id!: string;
  @Field(() => String, { nullable: true, description: 'The provider’s token of a payment method.' })
  paymentMethod?: string | null;
}

@InputType('CapturePaymentInput')
export class CapturePaymentInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) id!: string;
  @Field(() => MinorUnits, { nullable: true, description: 'All that can be captured without it.' })
  amountMinor?: number | null;
}

@InputType('CancelPaymentInput')
export class CancelPaymentInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) id!: string;
  @Field(() => String, {
    nullable: true,
    description: 'abandoned, duplicate, fraudulent or requested_by_customer; or any other text.',
  })
  reason?: string | null;
}

@InputType('SyncPaymentInput')
export class SyncPaymentInput {
  @Field(() => ID) id!: string;
}

@ObjectType('MovePaymentSuccess')
export class MovePaymentSuccess {
  @Field(() => Payment) payment!: Payment;
  @Field(() => Boolean) replayed!: boolean;
}

@ObjectType('SyncPaymentSuccess')
export class SyncPaymentSuccess {
  @Field(() => Payment) payment!: Payment;
}

export const ConfirmPaymentResult = resultOf('ConfirmPaymentResult');
export const CapturePaymentResult = resultOf('CapturePaymentResult');
export const CancelPaymentResult = resultOf('CancelPaymentResult');
export const SyncPaymentResult = createUnionType({
  name: 'SyncPaymentResult',
  types: () => [SyncPaymentSuccess, NotFoundRefusal, ProviderRefused] as const,
});

type Moved = MovePaymentSuccess | PaymentRefusal;
const reasonLengthMax = 100;

@Resolver()
export class MovePaymentResolver {
  @Authorized('billing:write')
  @Mutation(() => ConfirmPaymentResult, { description: 'Takes the money, or sets it aside.' })
  confirmPayment(
    @Arg('input', () => ConfirmPaymentInput)
    { id, idempotencyKey, paymentMethod }: ConfirmPaymentInput,
    @Ctx() ctx: Context,
  ): Promise<Moved> {
    const asked =
      paymentMethod == null
        ? {}
        : { paymentMethod: boundedText('paymentMethod', paymentMethod, 255) };
    return move(ctx, { kind: 'CONFIRM', id, key: idempotencyKey, asked, decide: decideConfirm });
  }

  @Authorized('billing:write')
  @Mutation(() => CapturePaymentResult, {
    description:
      'Takes money that was set aside, all of it or a part. What is left over is let go.',
  })
  capturePayment(
    @Arg('input', () => CapturePaymentInput)
    { id, idempotencyKey, amountMinor }: CapturePaymentInput,
    @Ctx() ctx: Context,
  ): Promise<Moved> {
    return move(ctx, {
      kind: 'CAPTURE',
      id,
      key: idempotencyKey,
      asked: amountMinor == null ? {} : { amountMinor },
      decide: (payment) => decideCapture(payment, amountMinor ?? null),
    });
  }

  @Authorized('billing:write')
  @Mutation(() => CancelPaymentResult, {
    description: 'Gives a payment up that has taken no money. What was set aside is let go.',
  })
  cancelPayment(
    @Arg('input', () => CancelPaymentInput) { id, idempotencyKey, reason }: CancelPaymentInput,
    @Ctx() ctx: Context,
  ): Promise<Moved> {
    const asked = reason == null ? {} : { reason: boundedText('reason', reason, reasonLengthMax) };
    return move(ctx, { kind: 'CANCEL', id, key: idempotencyKey, asked, decide: decideCancel });
  }

  @Authorized('billing:write')
  @Mutation(() => SyncPaymentResult, {
    description: 'Reads the payment from its provider. Once or twice, it is the same.',
  })
  async syncPayment(
    @Arg('input', () => SyncPaymentInput) { id }: SyncPaymentInput,
    @Ctx() ctx: Context,
  ): Promise<SyncPaymentSuccess | NotFoundRefusal | ProviderRefused> {
    if (!isId('payment', id)) return NotFoundRefusal.of('Payment');
    const synced = await syncPayment(ctx, id);
    if (synced.kind === 'not-found') return NotFoundRefusal.of('Payment');
    if (synced.kind === 'failed') return ProviderRefused.of(synced.failure);
    return Object.assign(new SyncPaymentSuccess(), { payment: Payment.of(synced.payment) });
  }
}

interface Move {
  readonly kind: Extract<OperationKind, 'CONFIRM' | 'CAPTURE' | 'CANCEL'>;
  readonly id: string;
  readonly key: string;
  readonly asked: OperationInput;
  readonly decide: (payment: PaymentRow) => Decision;
}

async function move(ctx: Context, wanted: Move): Promise<Moved> {
  const { kind, id, key, asked } = wanted;
  const call = { operation: `${kind.toLowerCase()}Payment`, key, input: { id, ...asked } };
  const operated = await operate(ctx, call, (tx) => begin(tx, ctx, wanted));
  if (!('paymentId' in operated)) return operated;
  const payment = await paymentNow(ctx, id);
  return Object.assign(new MovePaymentSuccess(), { payment, replayed: operated.replayed });
}

async function begin(tx: Tx, ctx: Context, { kind, id, key, asked, decide }: Move): Promise<Begun> {
  const known = isId('payment', id) && (await findPayment(tx, id));
  if (!known) return { kind: 'not-found', what: 'Payment' };
  const payment = await lockPayment(tx, id);
  const decision = decide(payment);
  const no = (await busy(tx, payment)) ?? refused(payment, decision);
  if (no) return no;
  const amountMinor = decision.kind === 'accepted' ? decision.amountMinor : 0;
  const at = ctx.deps.clock.now();
  const operation = await insertOperation(tx, {
    kind,
    accountId: payment.accountId,
    clientKey: key,
    paymentId: id,
    input: {
      ...asked,
      ...(kind === 'CAPTURE' && { amountMinor, capturedBeforeMinor: payment.capturedMinor }),
    },
    at,
  });
  if (kind === 'CONFIRM') await openAttempt(tx, payment, operation, at);
  return start(tx, operation);
}

function resultOf(name: string) {
  return createUnionType({ name, types: () => [MovePaymentSuccess, ...paymentRefusals] as const });
}
