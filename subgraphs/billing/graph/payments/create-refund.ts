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
  registerEnumType,
  Resolver,
} from 'type-graphql';
import { MinorUnits } from '../../../shared/graph.ts';
import type { Tx } from '../../../shared/db.ts';
import { isId } from '../../../shared/ids.ts';
import { decideRefund, needsApproval } from '../../domain/payments/decide.ts';
import { auditPayment } from '../../store/payments/audit-payment.ts';
import { insertOperation } from '../../store/payments/operations.ts';
import { findPayment, lockPayment } from '../../store/payments/payments.ts';
import {
  findRefund,
  insertRefund,
  moveRefund,
  noteDecision,
  refundOf,
} from '../../store/payments/refunds.ts';
import type { RefundRow } from '../../store/payments/rows.ts';
import type { Context } from './context.ts';
import type { Begun, Operated, PaymentRefusal } from './operate.ts';
import { operate, paymentRefusals, refused, start } from './operate.ts';
import { Refund } from './refund.ts';
import { boundedText } from './words.ts';

@InputType('CreateRefundInput')
export class CreateRefundInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) paymentId!: string;
  @Field(() => MinorUnits, { nullable: true, description: 'All that is left without it.' })
  amountMinor?: number | null;
  @Field(() => String, {
    nullable: true,
    description: 'duplicate, fraudulent or requested_by_customer; or any other text.',
  })
  reason?: string | null;
}

const RefundVerdictEnum = { APPROVE: 'APPROVE', REJECT: 'REJECT' } as const;
registerEnumType(RefundVerdictEnum, { name: 'RefundVerdict' });

@InputType('DecideRefundInput')
export class DecideRefundInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) id!: string;
  @Field(() => RefundVerdictEnum) decision!: 'APPROVE' | 'REJECT';
}

@InputType('CancelRefundInput')
export class CancelRefundInput {
  @Field(() => String) idempotencyKey!: string;
  @Field(() => ID) id!: string;
}

@ObjectType('RefundSuccess')
export class RefundSuccess {
  @Field(() => Refund) refund!: Refund;
  @Field(() => Boolean) replayed!: boolean;
}

export const CreateRefundResult = resultOf('CreateRefundResult');
export const DecideRefundResult = resultOf('DecideRefundResult');
export const CancelRefundResult = resultOf('CancelRefundResult');

type Refunded = RefundSuccess | PaymentRefusal;
const reasonLengthMax = 200;

@Resolver()
export class CreateRefundResolver {
  @Authorized('billing:write')
  @Mutation(() => CreateRefundResult, {
    description:
      'Gives money back, once per key. From 1000.00 on somebody else has to agree first: see decideRefund.',
  })
  async createRefund(
    @Arg('input', () => CreateRefundInput) input: CreateRefundInput,
    @Ctx() ctx: Context,
  ): Promise<Refunded> {
    const { idempotencyKey: key, paymentId, amountMinor = null } = input;
    const reason =
      input.reason == null ? null : boundedText('reason', input.reason, reasonLengthMax);
    const call = { operation: 'createRefund', key, input: { paymentId, amountMinor, reason } };
    const operated = await operate(ctx, call, async (tx) => {
      if (!isId('payment', paymentId) || !(await findPayment(tx, paymentId))) return noPayment;
      const payment = await lockPayment(tx, paymentId);
      const decision = decideRefund(payment, amountMinor);
      const no = refused(payment, decision);
      if (no || decision.kind !== 'accepted') return no ?? noPayment;
      const waits = needsApproval(decision.amountMinor);
      const refund = await insertRefund(tx, payment, {
        amountMinor: decision.amountMinor,
        reason,
        approval: waits ? 'WAITING' : 'NOT_NEEDED',
        by: ctx.actor,
        at: ctx.deps.clock.now(),
      });
      if (waits) return { kind: 'approval', refundId: refund.id };
      return order(tx, ctx, refund, 'REFUND', key);
    });
    return success(ctx, operated);
  }

  @Authorized('billing:approve')
  @Mutation(() => DecideRefundResult, {
    description:
      'Agrees to a refund that waits for it, or does not. Nobody decides about their own.',
  })
  async decideRefund(
    @Arg('input', () => DecideRefundInput) { id, decision, idempotencyKey: key }: DecideRefundInput,
    @Ctx() ctx: Context,
  ): Promise<Refunded> {
    const call = { operation: 'decideRefund', key, input: { id, decision } };
    const operated = await operate(ctx, call, async (tx) => {
      const known = await knownRefund(tx, id);
      if (!known) return noRefund;
      const payment = await lockPayment(tx, known.paymentId);
      const refund = await refundOf(tx, id);
      if (refund.approval !== 'WAITING') {
        return { kind: 'invalid', message: `The refund is ${refund.approval}.`, field: 'id' };
      }
      if (refund.createdById === ctx.actor.id && refund.createdByType === ctx.actor.type) {
        return { kind: 'invalid', message: 'Somebody else has to decide about it.', field: 'id' };
      }
      const at = ctx.deps.clock.now();
      const isApproved = decision === 'APPROVE';
      await noteDecision(tx, refund, isApproved ? 'APPROVED' : 'REJECTED', ctx.actor.id, at);
      await auditPayment(
        tx,
        payment,
        `refund.${isApproved ? 'approved' : 'rejected'}`,
        ctx.actor,
        at,
        {
          facts: { refundId: id, refundMinor: refund.amountMinor },
        },
      );
      if (isApproved) return order(tx, ctx, refund, 'REFUND', key);
      await moveRefund(tx, payment, refund, 'CANCELED', { by: ctx.actor, at });
      return { kind: 'decided', refundId: id };
    });
    return success(ctx, operated);
  }

  @Authorized('billing:write')
  @Mutation(() => CancelRefundResult, {
    description: 'Takes a refund back that has not gone out. Not every payment method allows it.',
  })
  async cancelRefund(
    @Arg('input', () => CancelRefundInput) { id, idempotencyKey: key }: CancelRefundInput,
    @Ctx() ctx: Context,
  ): Promise<Refunded> {
    const call = { operation: 'cancelRefund', key, input: { id } };
    const operated = await operate(ctx, call, async (tx) => {
      const known = await knownRefund(tx, id);
      if (!known) return noRefund;
      const payment = await lockPayment(tx, known.paymentId);
      const refund = await refundOf(tx, id);
      if (refund.approval === 'WAITING') {
        const at = ctx.deps.clock.now();
        await noteDecision(tx, refund, 'REJECTED', ctx.actor.id, at);
        await moveRefund(tx, payment, refund, 'CANCELED', { by: ctx.actor, at });
        return { kind: 'decided', refundId: id };
      }
      if (refund.status !== 'PENDING' && refund.status !== 'REQUIRES_ACTION') {
        return { kind: 'invalid', message: `The refund is ${refund.status}.`, field: 'id' };
      }
      return order(tx, ctx, refund, 'CANCEL_REFUND', key);
    });
    return success(ctx, operated);
  }
}

const noPayment: Begun = { kind: 'not-found', what: 'Payment' };
const noRefund: Begun = { kind: 'not-found', what: 'Refund' };

async function knownRefund(tx: Tx, id: string): Promise<RefundRow | null> {
  return isId('refund', id) ? findRefund(tx, id) : null;
}

async function order(
  tx: Tx,
  ctx: Context,
  refund: RefundRow,
  kind: 'REFUND' | 'CANCEL_REFUND',
  clientKey: string,
): Promise<Begun> {
  const payment = await lockPayment(tx, refund.paymentId);
  const operation = await insertOperation(tx, {
    ...{ kind, clientKey },
    accountId: payment.accountId,
    paymentId: payment.id,
    refundId: refund.id,
    input: {},
    at: ctx.deps.clock.now(),
  });
  return start(tx, operation);
}

async function success(ctx: Context, operated: Operated | PaymentRefusal): Promise<Refunded> {
  if (!('refundId' in operated)) return operated;
  const { refundId, replayed } = operated;
  const row = await ctx.db.tx((tx) => refundOf(tx, refundId ?? ''));
  return Object.assign(new RefundSuccess(), { refund: Refund.of(row), replayed });
}

function resultOf(name: string) {
  return createUnionType({ name, types: () => [RefundSuccess, ...paymentRefusals] as const });
}
