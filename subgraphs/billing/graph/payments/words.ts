import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import type { Actor } from '../../../shared/auth.ts';
import { badInput } from '../../../shared/errors.ts';
import { MinorUnits } from '../../../shared/graph.ts';
import { disputeStatuses } from '../../domain/payments/dispute-state.ts';
import { attemptStatuses } from '../../domain/payments/operation.ts';
import { paymentStatuses } from '../../domain/payments/payment-status.ts';
import { errorCategories } from '../../domain/payments/provider-error.ts';
import { refundStatuses } from '../../domain/payments/refund-state.ts';

/** The enumerations of payments, one name each. */
export const PaymentStatusEnum = enumOf(
  'PaymentStatus',
  paymentStatuses,
  'Where a payment stands.',
);
export const AttemptStatusEnum = enumOf(
  'PaymentAttemptStatus',
  attemptStatuses,
  'Where a try to take money stands.',
);
export const RefundStatusEnum = enumOf('RefundStatus', refundStatuses, 'Where a refund stands.');
export const DisputeStatusEnum = enumOf(
  'DisputeStatus',
  disputeStatuses,
  'Where a dispute stands.',
);
export const ErrorCategoryEnum = enumOf(
  'ProviderErrorCategory',
  errorCategories,
  'What kind of no it is.',
);
export const CaptureMethodEnum = enumOf(
  'CaptureMethod',
  ['AUTOMATIC', 'MANUAL'],
  'Whether money is taken at once, or set aside and taken later.',
);
export const ProviderEnum = enumOf('PaymentProviderName', ['STRIPE'], 'Who takes payments.');
export const RefundApprovalEnum = enumOf(
  'RefundApproval',
  ['NOT_NEEDED', 'WAITING', 'APPROVED', 'REJECTED'],
  'Whether somebody else has to agree to a refund.',
);
@InputType('MoneyInput', { description: 'An amount of money.' })
export class MoneyInput {
  @Field(() => MinorUnits, { description: '1234 of USD is 12.34 dollars.' }) amountMinor!: number;
  @Field(() => String, { description: 'ISO 4217, in capital letters.' }) currency!: string;
}

@ObjectType('PaymentActor', { description: 'Who did something.' })
export class PaymentActor {
  @Field(() => String) type!: string;
  @Field(() => ID) id!: string;

  static of({ type, id }: Actor): PaymentActor {
    return Object.assign(new PaymentActor(), { type: type.toUpperCase().replace('-', '_'), id });
  }
}

/** Takes a text of a client, or says by its name what is wrong with it. */
export function boundedText(field: string, text: string, lengthMax: number): string {
  if (text.length > lengthMax) {
    throw badInput(`"${field}" must have at most ${lengthMax} characters.`, field);
  }
  if (text.includes('\u0000') || !text.isWellFormed()) {
    throw badInput(`"${field}" contains characters that cannot be stored.`, field);
  }
  return text;
}

function enumOf<T extends string>(
  name: string,
  values: readonly T[],
  description: string,
): Record<T, T> {
  const object = Object.fromEntries(values.map((value) => [value, value])) as Record<T, T>;
  registerEnumType(object, { name, description });
  return object;
}
