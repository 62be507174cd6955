import { Directive, Field, ObjectType } from 'type-graphql';
import { DateTime, Money, Node } from '../../../shared/graph.ts';
import { money } from '../../../shared/money.ts';
import type { DisputeRow } from '../../store/payments/rows.ts';
import { DisputeStatusEnum } from './words.ts';

@Directive('@key(fields: "id")')
@ObjectType('Dispute', {
  implements: Node,
  description: 'A payer disputes a payment with their bank.',
})
export class Dispute extends Node {
  @Field(() => DisputeStatusEnum) status!: string;
  @Field(() => Money) amount!: Money;
  @Field(() => Money, { description: 'What it cost, won or lost.' }) fee!: Money;
  @Field(() => Money, { description: 'What it has taken and not given back.' })
  fundsWithdrawn!: Money;
  @Field(() => String) reason!: string;
  @Field(() => DateTime, { nullable: true, description: 'Until when evidence counts.' })
  evidenceDueBy!: Date | null;
  @Field(() => DateTime) createdAt!: Date;
  @Field(() => DateTime) updatedAt!: Date;
  paymentId!: string;

  static of(row: DisputeRow): Dispute {
    const { id, status, reason, evidenceDueBy, createdAt, updatedAt, paymentId, currency } = row;
    return Object.assign(new Dispute(), {
      ...{ id, status, reason, evidenceDueBy, createdAt, updatedAt, paymentId },
      amount: Money.of(money(row.amountMinor, currency)),
      fee: Money.of(money(row.feeMinor, currency)),
      fundsWithdrawn: Money.of(money(row.withdrawnMinor, currency)),
    });
  }
}
