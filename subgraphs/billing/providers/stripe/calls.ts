import type Stripe from 'stripe';
import type { Answer, Call, ReadCall } from '../payments.ts';
import { failed } from './failures.ts';

/** The charge and what it cost come with the payment, so that it need not be asked twice. */
export const expand = ['latest_charge.balance_transaction'];

/** What every call of an operation carries: one key, and the account it is for. */
export function keyed(call: Call): Stripe.RequestOptions {
  return { ...sent(call), idempotencyKey: call.idempotencyKey };
}

export function sent({ account, deadlineMs }: ReadCall): Stripe.RequestOptions {
  return {
    timeout: deadlineMs,
    ...(account.externalId !== null && { stripeAccount: account.externalId }),
  };
}

/** Makes a call and says what came of it. Throws only what is a fault of ours. */
export async function asked<T>(
  { signal }: Partial<Pick<ReadCall, 'signal'>>,
  work: () => Promise<T>,
): Promise<Answer<T>> {
  signal?.throwIfAborted();
  try {
    return { kind: 'done', value: await work() };
  } catch (cause) {
    return failed(cause, dateOf((cause as { headers?: Record<string, string> }).headers));
  }
}

/** When Stripe sent an answer, by its own clock, to the second. */
export function sentAtMs({
  lastResponse,
}: {
  readonly lastResponse: { readonly headers: object };
}): number {
  return dateOf(lastResponse.headers as Record<string, string>);
}

function dateOf(headers: Record<string, string> | undefined): number {
  const date = Date.parse(headers?.['date'] ?? '');
  return Number.isNaN(date) ? 0 : date;
}
