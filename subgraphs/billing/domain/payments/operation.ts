import { mayTryAgain } from './provider-error.ts';
import type { ProviderFailure } from './provider-error.ts';
import type { PaymentState } from './payment-state.ts';

/** Everything that is asked of a provider and has an effect there. */
export const operationKinds = [
  'CREATE',
  'CONFIRM',
  'CAPTURE',
  'CANCEL',
  'REFUND',
  'CANCEL_REFUND',
  'SUBMIT_EVIDENCE',
  'ACCEPT_DISPUTE',
] as const;
export type OperationKind = (typeof operationKinds)[number];

/**
 * WAITING: not asked yet. CALLED: asked, or about to be. UNKNOWN: asked, and no
 * answer. DONE and REFUSED: the provider's answer. FROZEN: the provider has its
 * key for something else, which is a fault of ours: nothing is asked again.
 */
export const operationStates = [
  'WAITING',
  'CALLED',
  'UNKNOWN',
  'DONE',
  'REFUSED',
  'FROZEN',
] as const;
export type OperationState = (typeof operationStates)[number];

export function isAnswered(state: OperationState): boolean {
  return state === 'DONE' || state === 'REFUSED' || state === 'FROZEN';
}

/**
 * Whether what an operation asks for has happened, by what is known of the
 * payment: then it is done, whatever was answered to it.
 */
export function isInEffect(
  kind: OperationKind,
  asked: { readonly amountMinor: number | null; readonly before: EffectBefore },
  state: PaymentState,
): boolean {
  const status = state.latest?.status;
  switch (kind) {
    case 'CREATE':
      return state.reference !== undefined;
    case 'CONFIRM':
      return (
        status === 'PROCESSING' ||
        status === 'REQUIRES_ACTION' ||
        status === 'REQUIRES_CAPTURE' ||
        state.ends.includes('SUCCEEDED')
      );
    case 'CAPTURE':
      return state.capturedMinor >= asked.before.capturedMinor + (asked.amountMinor ?? 1);
    case 'CANCEL':
      return state.ends.some((end) => end === 'CANCELED' || end === 'EXPIRED');
    case 'REFUND':
    case 'CANCEL_REFUND':
    case 'SUBMIT_EVIDENCE':
    case 'ACCEPT_DISPUTE':
      return false;
  }
}

/** How the payment was when the operation was asked for. */
export interface EffectBefore {
  readonly capturedMinor: number;
}

/** Where an attempt to take money stands. At most one of a payment succeeds. */
export const attemptStatuses = [
  'STARTED',
  'REQUIRES_ACTION',
  'PROCESSING',
  'AUTHORISED',
  'SUCCEEDED',
  'FAILED',
  'OUTCOME_UNKNOWN',
] as const;
export type AttemptStatus = (typeof attemptStatuses)[number];

/** What is known of an attempt: of the payment that it belongs to, and of its own refusal. */
export function attemptStatusOf(
  state: PaymentState,
  operation: { readonly state: OperationState; readonly failure: ProviderFailure | null },
): AttemptStatus {
  if (state.ends.includes('SUCCEEDED')) return 'SUCCEEDED';
  if (state.ends.length > 0) return 'FAILED';
  if (operation.state === 'UNKNOWN') return 'OUTCOME_UNKNOWN';
  if (operation.state === 'REFUSED' || operation.state === 'FROZEN') return 'FAILED';
  switch (state.latest?.status) {
    case 'REQUIRES_ACTION':
      return 'REQUIRES_ACTION';
    case 'PROCESSING':
      return 'PROCESSING';
    case 'REQUIRES_CAPTURE':
      return 'AUTHORISED';
    case 'REQUIRES_PAYMENT_METHOD':
      return state.latest.failure ? 'FAILED' : 'STARTED';
    default:
      return 'STARTED';
  }
}

/**
 * Whether the money may be asked of another provider: never while an earlier
 * attempt may still take it, and not after a card that is refused for good.
 */
export function mayFailOver(
  attempts: readonly { readonly status: AttemptStatus; readonly failure: ProviderFailure | null }[],
): boolean {
  return attempts.every(
    ({ status, failure }) =>
      status === 'FAILED' && failure !== null && (mayTryAgain(failure) || isElsewhere(failure)),
  );
}

/** The trouble is the provider's or the account's: another one may do. */
function isElsewhere({ category }: ProviderFailure): boolean {
  return (
    category === 'ACCOUNT_REVOKED' || category === 'CONFIGURATION' || category === 'RATE_LIMITED'
  );
}
