import type { Run } from '../../../shared/workflow.ts';
import type { DisputeSnapshot } from '../../domain/payments/dispute-state.ts';
import { isAnswered } from '../../domain/payments/operation.ts';
import type { PaymentSnapshot } from '../../domain/payments/payment-state.ts';
import type { ProviderFailure } from '../../domain/payments/provider-error.ts';
import { isProof, recoveryOf } from '../../domain/payments/recovery.ts';
import type { RefundSnapshot } from '../../domain/payments/refund-state.ts';
import type { Answer, Call, PaymentProvider } from '../../providers/payments.ts';
import { findDispute } from '../../store/payments/disputes.ts';
import { findOperation, noteCall } from '../../store/payments/operations.ts';
import { lockPayment } from '../../store/payments/payments.ts';
import { findProviderAccount } from '../../store/payments/provider-accounts.ts';
import { findRefund } from '../../store/payments/refunds.ts';
import type {
  DisputeRow,
  OperationRow,
  PaymentRow,
  ProviderAccountRow,
  RefundRow,
} from '../../store/payments/rows.ts';
import type { BillingDeps } from '../deps.ts';

/** What a provider says in reply to an operation. */
export type Told =
  | { readonly kind: 'payment'; readonly snapshot: PaymentSnapshot }
  | { readonly kind: 'refund'; readonly snapshot: RefundSnapshot }
  | { readonly kind: 'dispute'; readonly snapshot: DisputeSnapshot }
  | {
      readonly kind: 'refused';
      readonly failure: ProviderFailure;
      readonly snapshot?: PaymentSnapshot;
    }
  | { readonly kind: 'unknown'; readonly failure: ProviderFailure }
  /** Somebody else has brought the answer meanwhile. */
  | { readonly kind: 'answered' };

interface Order {
  readonly operation: OperationRow;
  readonly payment: PaymentRow;
  readonly account: ProviderAccountRow;
  readonly refund: RefundRow | null;
  readonly dispute: DisputeRow | null;
}

/**
 * Asks the provider, or finds out what became of an earlier call. That a call is
 * about to be made is committed before it is made.
 */
export async function callProvider(
  run: Run,
  operationId: string,
  round: number,
  { payments, clock, pace }: BillingDeps,
): Promise<Told> {
  const order = await run.db.tx(async (tx): Promise<Order | undefined> => {
    const operation = await findOperation(tx, operationId);
    if (!operation || isAnswered(operation.state)) return undefined;
    const payment = await lockPayment(tx, operation.paymentId ?? '');
    const account = await findProviderAccount(tx, operation.accountId);
    if (!account) return undefined;
    await noteCall(tx, operation, clock.now());
    return {
      ...{ operation, payment, account },
      refund: operation.refundId === null ? null : await findRefund(tx, operation.refundId),
      dispute: operation.disputeId === null ? null : await findDispute(tx, operation.disputeId),
    };
  });
  if (!order) return { kind: 'answered' };
  if (!payments) return { kind: 'refused', failure: noProvider };
  if (order.account.status === 'REVOKED') return { kind: 'refused', failure: revoked };
  const { operation, account } = order;
  const call: Call = {
    operationId,
    idempotencyKey: operation.providerKey,
    deadlineMs: pace.callMs,
    account: { id: account.id, tenant: run.tenant, externalId: account.externalId },
    signal: run.signal,
  };
  const first = operation.firstCalledAt ?? clock.now();
  const { keyKeptMs } = payments.capabilities();
  const isAskable = recoveryOf(first, clock.now(), keyKeptMs) === 'ask-again';
  // A server error is what the provider gives under this key from now on.
  const isKept = round > 0 && operation.failure !== null && operation.failure.requestId !== null;
  const told = isAskable && !isKept ? await ask(payments, order, call) : undefined;
  if (round === 0 && told) return told;
  if (told && told.kind !== 'unknown') return told;
  return lookUp(payments, order, call, isProof(first, clock.now()));
}

async function ask(provider: PaymentProvider, order: Order, call: Call): Promise<Told> {
  const { operation, payment, refund, dispute } = order;
  const { input } = operation;
  const reference = payment.providerReference ?? '';
  switch (operation.kind) {
    case 'CREATE':
      return ofPayment(
        await provider.createPayment(
          {
            paymentId: payment.id,
            amountMinor: payment.amountMinor,
            currency: payment.currency,
            capture: payment.captureMethod,
            paymentMethod: input.paymentMethod ?? null,
            confirm: input.confirm ?? false,
            description: payment.description,
            metadata: payment.metadata,
          },
          call,
        ),
      );
    case 'CONFIRM': {
      const paymentMethod = input.paymentMethod ?? null;
      return ofPayment(await provider.confirm({ reference, paymentMethod }, call));
    }
    case 'CAPTURE':
      return ofPayment(
        await provider.capture({ reference, amountMinor: input.amountMinor ?? 0 }, call),
      );
    case 'CANCEL':
      return ofPayment(await provider.cancel({ reference, reason: input.reason ?? null }, call));
    case 'REFUND': {
      const { id = '', amountMinor = 0, reason = null } = refund ?? {};
      const wanted = { refundId: id, paymentReference: reference, amountMinor, reason };
      return ofRefund(await provider.refund(wanted, call));
    }
    case 'CANCEL_REFUND':
      return ofRefund(
        await provider.cancelRefund({ reference: refund?.providerReference ?? '' }, call),
      );
    case 'SUBMIT_EVIDENCE': {
      const wanted = {
        reference: dispute?.providerReference ?? '',
        evidence: input.evidence ?? {},
      };
      return ofDispute(await provider.submitEvidence(wanted, call));
    }
    case 'ACCEPT_DISPUTE':
      return ofDispute(
        await provider.acceptDispute({ reference: dispute?.providerReference ?? '' }, call),
      );
  }
}

/** Reads what is there. What is not there was not done, once that is proof. */
async function lookUp(
  provider: PaymentProvider,
  { operation, payment, refund, dispute }: Order,
  call: Call,
  isProven: boolean,
): Promise<Told> {
  const since = operation.firstCalledAt ?? operation.createdAt;
  const reference = payment.providerReference ?? '';
  const absent: Told = isProven
    ? { kind: 'refused', failure: notDone }
    : { kind: 'unknown', failure: operation.failure ?? notDone };
  switch (operation.kind) {
    case 'CREATE': {
      const found = await provider.findPayment({ operationId: operation.id, since }, call);
      return found.kind === 'done' && !found.value
        ? absent
        : ofPayment(found as Answer<PaymentSnapshot>);
    }
    case 'REFUND': {
      const asked = { operationId: operation.id, paymentReference: reference };
      const found = await provider.findRefund(asked, call);
      return found.kind === 'done' && !found.value
        ? absent
        : ofRefund(found as Answer<RefundSnapshot>);
    }
    case 'CONFIRM':
    case 'CAPTURE':
    case 'CANCEL': {
      const found = await provider.fetchPayment(reference, call);
      if (found.kind !== 'done') return unknownOf(found);
      const { snapshot } = found.value;
      // Written as a no with what is there: if it is in effect, that counts.
      return isProven
        ? { kind: 'refused', failure: notDone, snapshot }
        : { kind: 'payment', snapshot };
    }
    case 'CANCEL_REFUND': {
      const found = await provider.fetchRefund(refund?.providerReference ?? '', call);
      return found.kind === 'done' ? ofRefund(found) : unknownOf(found);
    }
    case 'SUBMIT_EVIDENCE':
    case 'ACCEPT_DISPUTE': {
      const found = await provider.fetchDispute(dispute?.providerReference ?? '', call);
      return found.kind === 'done' ? ofDispute(found) : unknownOf(found);
    }
  }
}

function ofPayment(answer: Answer<PaymentSnapshot>): Told {
  if (answer.kind === 'done') return { kind: 'payment', snapshot: answer.value };
  if (answer.kind === 'unknown') return answer;
  const { failure, payment } = answer;
  return { kind: 'refused', failure, ...(payment && { snapshot: payment }) };
}

function ofRefund(answer: Answer<RefundSnapshot>): Told {
  return answer.kind === 'done'
    ? { kind: 'refund', snapshot: answer.value }
    : withoutPayment(answer);
}

function ofDispute(answer: Answer<DisputeSnapshot>): Told {
  return answer.kind === 'done'
    ? { kind: 'dispute', snapshot: answer.value }
    : withoutPayment(answer);
}

type No = Exclude<Answer<unknown>, { kind: 'done' }>;

function withoutPayment({ kind, failure }: No): Told {
  return { kind, failure };
}

/** A no to a look says nothing of what was asked for. */
function unknownOf({ failure }: No): Told {
  return { kind: 'unknown', failure };
}

const failure = (
  category: ProviderFailure['category'],
  code: string,
  retryable: boolean,
): ProviderFailure => ({
  ...{ category, code, retryable },
  ...{ declineCode: null, adviceCode: null, requestId: null },
});
const noProvider = failure('CONFIGURATION', 'no_provider', false);
const revoked = failure('ACCOUNT_REVOKED', 'account_revoked', false);
const notDone = failure('PROVIDER_UNAVAILABLE', 'not_executed', true);
