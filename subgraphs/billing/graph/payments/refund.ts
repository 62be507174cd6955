import { Directive, Field, ObjectType } from 'type-graphql';
import { DateTime, Money, Node } from '../../../shared/graph.ts';
import { money } from '../../../shared/money.ts';
import type { RefundRow } from '../../store/payments/rows.ts';
import { PaymentActor, RefundApprovalEnum, RefundStatusEnum } from './words.ts';

@Directive('@key(fields: "id")')
@ObjectType('Refund', { implements: Node, description: 'Money that goes back to a payer.' })
export class Refund extends Node {
  @Field(() => RefundStatusEnum) status!: string;
  @Field(() => Money) amount!: Money;
  @Field(() => String, { nullable: true }) reason!: string | null;
  @Field(() => String, { nullable: true }) failureReason!: string | null;
  @Field(() => RefundApprovalEnum) approval!: string;
  @Field(() => String, { nullable: true, description: 'Who agreed, or did not.' })
  decidedBy!: string | null;
  @Field(() => DateTime, { nullable: true }) decidedAt!: Date | null;
  @Field(() => PaymentActor) createdBy!: PaymentActor;
  @Field(() => DateTime) createdAt!: Date;
  @Field(() => DateTime) updatedAt!: Date;
  paymentId!: string;

  static of(row: RefundRow): Refund {
    const { id, status, reason, failureReason, approval, decidedBy, decidedAt } = row;
    const { createdAt, updatedAt, paymentId } = row;
    return Object.assign(new Refund(), {
      ...{ id, status, reason, failureReason, approval, decidedBy, decidedAt },
      ...{ createdAt, updatedAt, paymentId },
      amount: Money.of(money(row.amountMinor, row.currency)),
      createdBy: PaymentActor.of({ type: row.createdByType, id: row.createdById }),
    });
  }
}
