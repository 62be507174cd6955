import { createUnionType, Directive, Field, ID, Int, ObjectType } from 'type-graphql';
import { DateTime, JSONValue, Money, Node } from '../../../shared/graph.ts';
import type { JsonValue } from '../../../shared/json.ts';
import { money } from '../../../shared/money.ts';
import type { ErrorCategory, ProviderFailure } from '../../domain/payments/provider-error.ts';
import { messageOf } from '../../domain/payments/provider-error.ts';
import type { PaymentStatus } from '../../domain/payments/payment-status.ts';
import type { PaymentAttemptRow, PaymentRow } from '../../store/payments/rows.ts';
import type { PaymentVersion } from '../../store/payments/tell-payment.ts';
import {
  AttemptStatusEnum,
  CaptureMethodEnum,
  ErrorCategoryEnum,
  PaymentActor,
  PaymentStatusEnum,
  ProviderEnum,
} from './words.ts';

@ObjectType('ProviderError', { description: 'Why a provider did not do something.' })
export class ProviderError {
  @Field(() => ErrorCategoryEnum) category!: ErrorCategory;
  @Field(() => String, { description: 'For people. It tells nothing that helps a thief.' })
  message!: string;
  @Field(() => String, { nullable: true }) code!: string | null;
  @Field(() => String, { nullable: true }) declineCode!: string | null;
  @Field(() => String, { nullable: true }) adviceCode!: string | null;
  @Field(() => Boolean, { description: 'Whether the same thing, asked for again, may do.' })
  retryable!: boolean;
  @Field(() => String, { nullable: true, description: 'By which the provider finds it again.' })
  requestId!: string | null;

  static of(failure: ProviderFailure | null): ProviderError | null {
    if (!failure) return null;
    // Why a card is refused for good is between its holder and the bank.
    const isHard = failure.category === 'DECLINED_HARD';
    return Object.assign(new ProviderError(), {
      ...failure,
      message: messageOf(failure),
      ...(isHard && { declineCode: null, code: 'card_declined' }),
    });
  }
}

@ObjectType('PaymentAttempt', { implements: Node, description: 'One try to take the money.' })
export class PaymentAttempt extends Node {
  @Field(() => Int, { description: 'Counts from 1.' }) sequence!: number;
  @Field(() => ProviderEnum) provider!: string;
  @Field(() => AttemptStatusEnum) status!: string;
  @Field(() => String, { nullable: true }) providerReference!: string | null;
  @Field(() => ProviderError, { nullable: true }) error!: ProviderError | null;
  @Field(() => DateTime) startedAt!: Date;
  @Field(() => DateTime, { nullable: true }) finishedAt!: Date | null;

  static of(row: PaymentAttemptRow): PaymentAttempt {
    const { id, sequence, provider, status, providerReference, startedAt, finishedAt } = row;
    return Object.assign(new PaymentAttempt(), {
      ...{ id, sequence, provider, status, providerReference, startedAt, finishedAt },
      error: ProviderError.of(row.failure),
    });
  }
}

@ObjectType('RedirectAction', { description: 'The payer confirms the payment at this address.' })
export class RedirectAction {
  @Field(() => String) url!: string;
}

@ObjectType('ClientSecretAction', {
  description: 'The payer goes on in the browser, with the provider’s own script.',
})
export class ClientSecretAction {
  @Field(() => String) clientSecret!: string;
}

export const NextAction = createUnionType({
  name: 'NextAction',
  types: () => [RedirectAction, ClientSecretAction] as const,
});

@Directive('@key(fields: "id")')
@ObjectType('Payment', {
  implements: Node,
  description: 'Money that is asked of a payer, and what becomes of it.',
})
export class Payment extends Node {
  @Field(() => PaymentStatusEnum) status!: PaymentStatus;
  @Field(() => String, {
    nullable: true,
    description: 'Why it stands there, if there is more to say.',
  })
  statusReason!: string | null;
  @Field(() => Money) amount!: Money;
  @Field(() => Money) amountCapturable!: Money;
  @Field(() => Money) amountCaptured!: Money;
  @Field(() => Money, { description: 'What has gone back to the payer.' }) amountRefunded!: Money;
  @Field(() => Money, { description: 'What disputes hold, or have taken.' }) amountDisputed!: Money;
  @Field(() => Money, { description: 'What the provider kept for its work.' }) fee!: Money;
  @Field(() => Money, { description: 'What is in the balance at the provider, fees taken off.' })
  netSettled!: Money;
  @Field(() => CaptureMethodEnum) captureMethod!: string;
  @Field(() => ProviderEnum) provider!: string;
  @Directive('@tag(name: "operations")')
  @Field(() => String, { nullable: true, description: 'What the provider calls it.' })
  providerReference!: string | null;
  @Field(() => String, { nullable: true }) description!: string | null;
  @Field(() => JSONValue) metadata!: JsonValue;
  @Field(() => Int, { description: 'Grows by one with each change.' }) version!: number;
  @Field(() => PaymentActor) createdBy!: PaymentActor;
  @Field(() => DateTime) createdAt!: Date;
  @Field(() => DateTime) updatedAt!: Date;
  @Field(() => ID, { description: 'The account that the money goes to.' }) accountId!: string;
  action!: PaymentVersion['nextAction'];

  static of(row: PaymentRow | PaymentVersion): Payment {
    const { id, status, statusReason, captureMethod, provider, providerReference } = row;
    const { description, metadata, version, accountId, currency } = row;
    const amount = (amountMinor: number) => Money.of(money(amountMinor, currency));
    return Object.assign(new Payment(), {
      ...{ id, status, statusReason, captureMethod, provider, providerReference },
      ...{ description, metadata, version, accountId },
      amount: amount(row.amountMinor),
      amountCapturable: amount(row.capturableMinor),
      amountCaptured: amount(row.capturedMinor),
      amountRefunded: amount(row.refundedMinor),
      amountDisputed: amount(row.disputedMinor),
      fee: amount(row.feeMinor),
      netSettled: amount(row.settledMinor - row.feeMinor),
      createdBy: PaymentActor.of({ type: row.createdByType, id: row.createdById }),
      createdAt: new Date(row.createdAt),
      updatedAt: new Date(row.updatedAt),
      action:
        'facts' in row ? ((row.facts.latest?.nextAction ?? null) as JsonValue) : row.nextAction,
    });
  }
}
