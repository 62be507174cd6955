import Stripe from 'stripe';
import { ForgeError } from '../../../shared/errors.ts';
import type { ErrorCategory, ProviderFailure } from '../../domain/payments/provider-error.ts';
import type { Answer } from '../payments.ts';
import type { Decline } from './declines.ts';
import { declineOf } from './declines.ts';
import { paymentOf } from './snapshots.ts';

/**
 * What an exception of a call means. Only what Stripe itself says it did not do
 * is a refusal; 409, 5xx, a broken or unreadable answer leave the outcome unknown.
 */
export function failed<T>(cause: unknown, atMs: number): Exclude<Answer<T>, { kind: 'done' }> {
  if (cause instanceof ForgeError && cause.code === 'RATE_LIMITED') {
    return { kind: 'refused', failure: failureOf('RATE_LIMITED', undefined) };
  }
  if (!(cause instanceof Stripe.errors.StripeError)) {
    if (cause instanceof TypeError || cause instanceof RangeError) throw cause;
    return { kind: 'unknown', failure: failureOf('UNKNOWN', undefined) };
  }
  const category = categoryOf(cause);
  const failure = failureOf(category, cause);
  if (category === 'UNKNOWN' || category === 'PROVIDER_UNAVAILABLE') {
    return { kind: 'unknown', failure };
  }
  const intent = cause.payment_intent;
  return { kind: 'refused', failure, ...(intent && { payment: paymentOf(intent, atMs) }) };
}

function categoryOf(cause: InstanceType<typeof Stripe.errors.StripeError>): ErrorCategory {
  const { statusCode = 0, code = '' } = cause;
  if (cause instanceof Stripe.errors.StripeIdempotencyError) return 'IDEMPOTENCY_CONFLICT';
  if (cause instanceof Stripe.errors.StripeOAuthError) return 'INVALID_REQUEST';
  if (statusCode === 429) return 'RATE_LIMITED';
  if (statusCode === 401 || statusCode === 403) return 'ACCOUNT_REVOKED';
  if (code === 'authentication_required') return 'AUTHENTICATION_REQUIRED';
  if (statusCode === 402) return declineOf(cause);
  if (statusCode === 404) return 'CONFIGURATION';
  if (statusCode === 400) return states.has(code) ? 'INVALID_STATE' : 'INVALID_REQUEST';
  return 'UNKNOWN';
}

const states: ReadonlySet<string> = new Set([
  'payment_intent_unexpected_state',
  'charge_already_captured',
  'charge_already_refunded',
  'charge_expired_for_capture',
  'intent_invalid_state',
]);

export function failureOf(
  category: ErrorCategory,
  cause: (Decline & { readonly code?: string; readonly requestId?: string }) | undefined,
): ProviderFailure {
  return {
    category,
    code: cause?.code ?? null,
    // The SDK says nothing as an empty text.
    declineCode: textOf(cause?.decline_code),
    adviceCode: cause?.advice_code ?? null,
    retryable: ['DECLINED_SOFT', 'RATE_LIMITED', 'UNKNOWN', 'PROVIDER_UNAVAILABLE'].includes(
      category,
    ),
    requestId: cause?.requestId ?? null,
  };
}

function textOf(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}
