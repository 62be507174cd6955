import { IdempotencyKeyReused, NotFoundRefusal } from '../../../shared/graph.ts';
import type { Tx } from '../../../shared/db.ts';
import { once } from '../../../shared/idempotency.ts';
import { cardNumberIn } from '../../domain/payments/card-number.ts';
import type { Decision } from '../../domain/payments/decide.ts';
import type { OperationState } from '../../domain/payments/operation.ts';
import type { PaymentStatus } from '../../domain/payments/payment-status.ts';
import { hasOperationUnderWay } from '../../store/payments/operations.ts';
import { findPayment } from '../../store/payments/payments.ts';
import { findRefund } from '../../store/payments/refunds.ts';
import type { OperationRow, PaymentRow } from '../../store/payments/rows.ts';
import { awaitOperation } from '../../workflows/payments/await-operation.ts';
import { askProvider } from '../../workflows/payments/ask-provider.ts';
import type { Context } from './context.ts';
import { Payment } from './payment.ts';
import { Refund } from './refund.ts';
import {
  AmountExceedsAvailable,
  ApprovalRequired,
  CapabilityNotSupported,
  CardDeclined,
  IdempotencyInProgress,
  InvalidStateTransition,
  OutcomeUnknown,
  PaymentInputInvalid,
  PaymentRateLimited,
  PciDataRejected,
  ProviderRefused,
} from './refusals.ts';

/** Every no that a mutation of payments may have for an answer. */
export const paymentRefusals = [
  PaymentInputInvalid,
  PciDataRejected,
  IdempotencyInProgress,
  InvalidStateTransition,
  AmountExceedsAvailable,
  CapabilityNotSupported,
  CardDeclined,
  ProviderRefused,
  PaymentRateLimited,
  OutcomeUnknown,
  ApprovalRequired,
  NotFoundRefusal,
  IdempotencyKeyReused,
] as const;
export type PaymentRefusal = InstanceType<(typeof paymentRefusals)[number]>;

/** What a mutation decided, as it is kept under its key: plain data. */
export type Begun =
  | { readonly kind: 'started'; readonly operationId: string }
  | { readonly kind: 'not-found'; readonly what: string }
  | { readonly kind: 'invalid'; readonly message: string; readonly field: string | null }
  | { readonly kind: 'unsupported'; readonly capability: string }
  | {
      readonly kind: 'invalid-state';
      readonly paymentId: string;
      readonly allowed: readonly PaymentStatus[];
    }
  | { readonly kind: 'exceeds'; readonly availableMinor: number; readonly currency: string }
  | { readonly kind: 'approval'; readonly refundId: string }
  /** Done on our side alone: nothing is asked of a provider. */
  | { readonly kind: 'decided'; readonly refundId: string };

/** What was done, and about what. */
export interface Operated {
  readonly paymentId: string | null;
  readonly refundId: string | null;
  readonly disputeId: string | null;
  readonly replayed: boolean;
}

/**
 * Has something done with a provider, once per key, and waits for its answer.
 *
 * The decision, what it writes, the operation and the start of its run commit
 * together under the key. One call with a key waits as long as a provider may
 * take; others wait two seconds and are told that it is under way. Cards' numbers
 * are refused before anything is kept.
 */
export async function operate(
  ctx: Context,
  call: { readonly operation: string; readonly key: string; readonly input: object },
  begin: (tx: Tx) => Promise<Begun>,
): Promise<Operated | PaymentRefusal> {
  const card = cardNumberIn({ ...call.input, idempotencyKey: call.key });
  if (card !== undefined) return PciDataRejected.of(card);
  const outcome = await once(ctx, call, begin);
  if (outcome.kind === 'key-reused') return IdempotencyKeyReused.of(outcome.key);
  const { value: begun, replayed } = outcome;
  if (begun.kind === 'decided') {
    return { paymentId: null, refundId: begun.refundId, disputeId: null, replayed };
  }
  if (begun.kind !== 'started') return refusalOf(ctx, begun);
  const { answerMs, sameKeyMs } = ctx.deps.pace;
  const operation = await awaitOperation(ctx, begun.operationId, replayed ? sameKeyMs : answerMs);
  const no = await noOf(ctx, operation, replayed);
  if (no) return no;
  const { paymentId, refundId, disputeId } = operation;
  return { paymentId, refundId, disputeId, replayed };
}

/** Starts the run of an operation that was just written down. */
export async function start(tx: Tx, { id }: OperationRow): Promise<Begun> {
  await askProvider.start(tx, id, { operationId: id });
  return { kind: 'started', operationId: id };
}

/** What a decision means for a mutation; undefined when it may go on. */
export function refused(payment: PaymentRow, decision: Decision): Begun | undefined {
  switch (decision.kind) {
    case 'accepted':
      return undefined;
    case 'invalid-state':
      return { kind: 'invalid-state', paymentId: payment.id, allowed: decision.allowed };
    case 'not-positive':
      return {
        kind: 'invalid',
        message: 'The amount must be more than nothing.',
        field: 'amountMinor',
      };
    case 'exceeds': {
      const { availableMinor } = decision;
      return { kind: 'exceeds', availableMinor, currency: payment.currency };
    }
  }
}

/** A payment is brought on by one operation at a time. */
export async function busy(tx: Tx, payment: PaymentRow): Promise<Begun | undefined> {
  if (!(await hasOperationUnderWay(tx, payment.id))) return undefined;
  return { kind: 'invalid-state', paymentId: payment.id, allowed: [] };
}

export async function paymentNow(ctx: Context, id: string): Promise<Payment> {
  const row = await ctx.db.tx((tx) => findPayment(tx, id));
  if (!row) throw new Error(`The payment ${id} of a stored answer is gone.`);
  return Payment.of(row);
}

async function refusalOf(
  ctx: Context,
  begun: Exclude<Begun, { kind: 'started' | 'decided' }>,
): Promise<PaymentRefusal> {
  switch (begun.kind) {
    case 'not-found':
      return NotFoundRefusal.of(begun.what);
    case 'invalid':
      return PaymentInputInvalid.of(begun.message, begun.field);
    case 'unsupported':
      return CapabilityNotSupported.of(begun.capability);
    case 'invalid-state':
      return InvalidStateTransition.of(await paymentNow(ctx, begun.paymentId), begun.allowed);
    case 'exceeds':
      return AmountExceedsAvailable.of(begun.availableMinor, begun.currency);
    case 'approval': {
      const row = await ctx.db.tx((tx) => findRefund(tx, begun.refundId));
      return row ? ApprovalRequired.of(Refund.of(row)) : NotFoundRefusal.of('Refund');
    }
  }
}

const underWay: readonly OperationState[] = ['WAITING', 'CALLED'];

async function noOf(
  ctx: Context,
  { state, failure, paymentId }: OperationRow,
  replayed: boolean,
): Promise<PaymentRefusal | undefined> {
  if (state === 'DONE') return undefined;
  const payment = await paymentNow(ctx, paymentId ?? '');
  if (underWay.includes(state))
    return replayed ? IdempotencyInProgress.of() : OutcomeUnknown.of(payment);
  if (state === 'UNKNOWN' || !failure) return OutcomeUnknown.of(payment);
  switch (failure.category) {
    case 'DECLINED_SOFT':
    case 'DECLINED_HARD':
    case 'AUTHENTICATION_REQUIRED':
      return CardDeclined.of(failure, payment);
    case 'RATE_LIMITED':
      return PaymentRateLimited.of(failure);
    case 'INVALID_STATE':
      return InvalidStateTransition.of(payment, []);
    default:
      return ProviderRefused.of(failure);
  }
}
