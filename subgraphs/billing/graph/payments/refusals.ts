import { Field, Int, ObjectType } from 'type-graphql';
import { ListSize, Money, Refusal } from '../../../shared/graph.ts';
import { money } from '../../../shared/money.ts';
import type { PaymentStatus } from '../../domain/payments/payment-status.ts';
import type { ProviderFailure } from '../../domain/payments/provider-error.ts';
import { messageOf } from '../../domain/payments/provider-error.ts';
import { Payment, ProviderError } from './payment.ts';
import { Refund } from './refund.ts';
import { PaymentStatusEnum } from './words.ts';

@ObjectType('PaymentInputInvalid', {
  implements: Refusal,
  description: 'Something that was given cannot be used. Nothing was done.',
})
export class PaymentInputInvalid extends Refusal {
  @Field(() => String, { nullable: true }) field!: string | null;

  static of(message: string, field: string | null = null): PaymentInputInvalid {
    return Object.assign(new PaymentInputInvalid(), { code: 'INPUT_INVALID', message, field });
  }
}

@ObjectType('PciDataRejected', {
  implements: Refusal,
  description: 'What was given looks like the number of a card. Nothing of it was kept or logged.',
})
export class PciDataRejected extends Refusal {
  @Field(() => String, { description: 'Where it stands.' }) path!: string;

  static of(path: string): PciDataRejected {
    const message =
      'A card number must not be sent here. Give it to the payment provider, and send its token.';
    return Object.assign(new PciDataRejected(), { code: 'PCI_DATA_REJECTED', message, path });
  }
}

@ObjectType('IdempotencyInProgress', {
  implements: Refusal,
  description: 'An earlier call with this key is still under way. Ask again with the same key.',
})
export class IdempotencyInProgress extends Refusal {
  @Field(() => Int) retryAfterMs!: number;

  static of(): IdempotencyInProgress {
    const message = 'An earlier call with this idempotency key is still under way.';
    const code = 'IDEMPOTENCY_IN_PROGRESS';
    return Object.assign(new IdempotencyInProgress(), { code, message, retryAfterMs: 1_000 });
  }
}

@ObjectType('InvalidStateTransition', {
  implements: Refusal,
  description: 'The payment stands where this cannot be done. Nothing was done.',
})
export class InvalidStateTransition extends Refusal {
  @Field(() => PaymentStatusEnum) from!: PaymentStatus;
  @ListSize(4)
  @Field(() => [PaymentStatusEnum], { description: 'Where it would have to stand.' })
  allowed!: readonly PaymentStatus[];
  @Field(() => Payment) payment!: Payment;

  static of(payment: Payment, allowed: readonly PaymentStatus[]): InvalidStateTransition {
    const from = payment.status;
    const message = `The payment is ${from}.`;
    const code = 'INVALID_STATE_TRANSITION';
    return Object.assign(new InvalidStateTransition(), { code, message, from, allowed, payment });
  }
}

@ObjectType('AmountExceedsAvailable', {
  implements: Refusal,
  description: 'More than there is. Nothing was done.',
})
export class AmountExceedsAvailable extends Refusal {
  @Field(() => Money) available!: Money;

  static of(availableMinor: number, currency: string): AmountExceedsAvailable {
    const available = Money.of(money(availableMinor, currency));
    const message = 'The amount is more than is available.';
    const code = 'AMOUNT_EXCEEDS_AVAILABLE';
    return Object.assign(new AmountExceedsAvailable(), { code, message, available });
  }
}

@ObjectType('CapabilityNotSupported', {
  implements: Refusal,
  description: 'The provider cannot do this. Nothing was done.',
})
export class CapabilityNotSupported extends Refusal {
  @Field(() => String) capability!: string;

  static of(capability: string): CapabilityNotSupported {
    const message = `The payment provider does not support ${capability}.`;
    const code = 'CAPABILITY_NOT_SUPPORTED';
    return Object.assign(new CapabilityNotSupported(), { code, message, capability });
  }
}

@ObjectType('CardDeclined', {
  implements: Refusal,
  description: 'The bank said no. Whether another try makes sense is in the error.',
})
export class CardDeclined extends Refusal {
  @Field(() => ProviderError) error!: ProviderError;
  @Field(() => Payment) payment!: Payment;

  static of(failure: ProviderFailure, payment: Payment): CardDeclined {
    const [error, message] = [ProviderError.of(failure), messageOf(failure)];
    return Object.assign(new CardDeclined(), { code: 'CARD_DECLINED', message, error, payment });
  }
}

@ObjectType('ProviderRefused', {
  implements: Refusal,
  description: 'The provider said no for another reason than the card.',
})
export class ProviderRefused extends Refusal {
  @Field(() => ProviderError) error!: ProviderError;

  static of(failure: ProviderFailure): ProviderRefused {
    const [error, message] = [ProviderError.of(failure), messageOf(failure)];
    return Object.assign(new ProviderRefused(), { code: failure.category, message, error });
  }
}

@ObjectType('PaymentRateLimited', {
  implements: Refusal,
  description: 'The provider is asked too often. Nothing was done; take a new key.',
})
export class PaymentRateLimited extends Refusal {
  @Field(() => Int) retryAfterMs!: number;

  static of(failure: ProviderFailure): PaymentRateLimited {
    const message = messageOf(failure);
    const code = 'RATE_LIMITED';
    return Object.assign(new PaymentRateLimited(), { code, message, retryAfterMs: 5_000 });
  }
}

@ObjectType('OutcomeUnknown', {
  implements: Refusal,
  description:
    'It may or may not have happened. It is looked into: watch the payment, and do not ask for it under another key.',
})
export class OutcomeUnknown extends Refusal {
  @Field(() => Payment) payment!: Payment;

  static of(payment: Payment): OutcomeUnknown {
    const message = 'The provider gave no answer. What was asked for may or may not have happened.';
    return Object.assign(new OutcomeUnknown(), { code: 'OUTCOME_UNKNOWN', message, payment });
  }
}

@ObjectType('ApprovalRequired', {
  implements: Refusal,
  description: 'Somebody else has to agree first: see decideRefund.',
})
export class ApprovalRequired extends Refusal {
  @Field(() => Refund) refund!: Refund;

  static of(refund: Refund): ApprovalRequired {
    const message = `A refund of ${refund.amount.formatted()} needs somebody else's approval.`;
    return Object.assign(new ApprovalRequired(), { code: 'APPROVAL_REQUIRED', message, refund });
  }
}
