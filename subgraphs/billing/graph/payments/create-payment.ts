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
import { JSONValue } from '../../../shared/graph.ts';
import type { Tx } from '../../../shared/db.ts';
import { isId } from '../../../shared/ids.ts';
import { openAttempt } from '../../store/payments/attempts.ts';
import { insertOperation } from '../../store/payments/operations.ts';
import { insertPayment } from '../../store/payments/payments.ts';
import { findProviderAccount, platformAccount } from '../../store/payments/provider-accounts.ts';
import type { Context } from './context.ts';
import type { Begun, PaymentRefusal } from './operate.ts';
import { operate, paymentNow, paymentRefusals, start } from './operate.ts';
import { Payment } from './payment.ts';
import { boundedText, CaptureMethodEnum, MoneyInput } from './words.ts';

@InputType('CreatePaymentInput')
export class CreatePaymentInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => MoneyInput) amount!: MoneyInput;
  @Field(() => CaptureMethodEnum, { nullable: true, description: 'AUTOMATIC without it.' })
  captureMethod?: 'AUTOMATIC' | 'MANUAL' | null;
  @Field(() => String, {
    nullable: true,
    description: 'The provider’s token of a payment method, such as pm_card_visa. Never a number.',
  })
  paymentMethod?: string | null;
  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether to take the money at once. Without it: if there is a payment method.',
  })
  confirm?: boolean | null;
  @Field(() => String, { nullable: true, description: 'At most 500 characters.' })
  description?: string | null;
  @Field(() => JSONValue, {
    nullable: true,
    description: 'At most 40 texts of at most 500 characters, by names of at most 40.',
  })
  metadata?: unknown;
  @Field(() => ID, { nullable: true, description: 'The account that the money goes to.' })
  accountId?: string | null;
}

@ObjectType('CreatePaymentSuccess')
export class CreatePaymentSuccess {
  @Field(() => Payment) payment!: Payment;
  @Field(() => Boolean, { description: 'Whether an earlier call with this key made it.' })
  replayed!: boolean;
}

export const CreatePaymentResult = createUnionType({
  name: 'CreatePaymentResult',
  types: () => [CreatePaymentSuccess, ...paymentRefusals] as const,
});

const descriptionLengthMax = 500;

@Resolver()
export class CreatePaymentResolver {
  @Authorized('billing:write')
  @Mutation(() => CreatePaymentResult, {
    description: 'Asks a payer for money, once per key. Watch it by paymentUpdated.',
  })
  async createPayment(
    @Arg('input', () => CreatePaymentInput) input: CreatePaymentInput,
    @Ctx() ctx: Context,
  ): Promise<CreatePaymentSuccess | PaymentRefusal> {
    const { idempotencyKey: key, ...rest } = input;
    const call = {
      operation: 'createPayment',
      key,
      input: { ...rest, amount: { ...rest.amount } },
    };
    const operated = await operate(ctx, call, (tx) => begin(tx, ctx, input));
    if (!('paymentId' in operated)) return operated;
    const payment = await paymentNow(ctx, operated.paymentId ?? '');
    return Object.assign(new CreatePaymentSuccess(), { payment, replayed: operated.replayed });
  }
}

async function begin(tx: Tx, ctx: Context, input: CreatePaymentInput): Promise<Begun> {
  const { amount, paymentMethod = null, accountId } = input;
  const { payments, clock } = ctx.deps;
  const at = clock.now();
  if (!payments) {
    const message = 'No payment provider is configured here: set STRIPE_SECRET_KEY.';
    return { kind: 'invalid', message, field: null };
  }
  const wrong = problemOf(input, payments.capabilities().currencies);
  if (wrong) return { kind: 'invalid', ...wrong };
  const account =
    accountId == null
      ? await platformAccount(tx, payments.name, payments.mode, at)
      : isId('account', accountId)
        ? await findProviderAccount(tx, accountId)
        : null;
  if (account?.status !== 'ACTIVE') return { kind: 'not-found', what: 'Provider account' };
  const payment = await insertPayment(tx, {
    ...{ account, at, by: ctx.actor },
    amountMinor: amount.amountMinor,
    currency: amount.currency,
    captureMethod: input.captureMethod ?? 'AUTOMATIC',
    description:
      input.description == null
        ? null
        : boundedText('description', input.description, descriptionLengthMax),
    metadata: (input.metadata ?? {}) as Record<string, string>,
  });
  const operation = await insertOperation(tx, {
    kind: 'CREATE',
    accountId: account.id,
    clientKey: input.idempotencyKey,
    paymentId: payment.id,
    input: {
      confirm: input.confirm ?? paymentMethod !== null,
      ...(paymentMethod !== null && { paymentMethod }),
    },
    at,
  });
  await openAttempt(tx, payment, operation, at);
  return start(tx, operation);
}

const tokenPattern = /^[A-Za-z0-9_-]{1,255}$/;

function problemOf(
  { amount, paymentMethod, confirm, metadata }: CreatePaymentInput,
  currencies: readonly string[],
): { readonly message: string; readonly field: string } | undefined {
  if (amount.amountMinor <= 0 || amount.amountMinor > amountMaxMinor) {
    return {
      message: 'The amount must be from 1 to 99999999 minor units.',
      field: 'amount.amountMinor',
    };
  }
  if (!currencies.includes(amount.currency)) {
    return { message: 'The provider does not take this currency.', field: 'amount.currency' };
  }
  if (paymentMethod != null && !tokenPattern.test(paymentMethod)) {
    return { message: 'This is not a token of a payment method.', field: 'paymentMethod' };
  }
  if (confirm === true && paymentMethod == null) {
    return { message: 'Without a payment method there is nothing to confirm.', field: 'confirm' };
  }
  return isMetadata(metadata) ? undefined : { message: 'These cannot be kept.', field: 'metadata' };
}

/** What Stripe takes: eight digits. */
const amountMaxMinor = 99_999_999;
const metadataMax = { names: 40, nameLength: 40, textLength: 500 };

function isMetadata(value: unknown): boolean {
  if (value == null) return true;
  if (typeof value !== 'object' || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= metadataMax.names &&
    entries.every(
      ([name, text]) =>
        name.length > 0 &&
        name.length <= metadataMax.nameLength &&
        // Ours, by which payments are found again.
        !name.startsWith('forge_') &&
        typeof text === 'string' &&
        text.length <= metadataMax.textLength &&
        text.isWellFormed() &&
        !`${name}${text}`.includes('\u0000'),
    )
  );
}
