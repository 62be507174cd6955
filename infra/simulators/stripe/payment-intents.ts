import { outcomeOf } from './cards.ts';
import { openDispute } from './disputes.ts';
import { StripeError } from './errors.ts';
import type { Objects } from './objects.ts';
import type { Body } from './state.ts';

type Params = Record<string, unknown>;

const feeOf = (amount: number): number => Math.round(amount * 0.029) + 30;

export function createIntent(objects: Objects, params: Params): Body {
  const amount = Number(params['amount']);
  if (amount < 1) throw invalid('parameter_invalid_integer', 'amount', 'Invalid positive integer');
  const intent = objects.make('payment_intent', {
    amount,
    currency: params['currency'],
    capture_method: params['capture_method'] ?? 'automatic_async',
    confirmation_method: 'automatic',
    description: params['description'] ?? null,
    metadata: params['metadata'] ?? {},
    payment_method: params['payment_method'] ?? null,
    payment_method_types: ['card'],
    status: params['payment_method'] ? 'requires_confirmation' : 'requires_payment_method',
  });
  intent['client_secret'] = `${intent.id}_secret_${intent.id.slice(-8)}`;
  objects.event('payment_intent.created', intent);
  if (params['confirm'] === true) attempt(objects, intent);
  return intent;
}

export function confirmIntent(objects: Objects, id: string, params: Params): Body {
  const intent = objects.get('payment_intent', id);
  inState(objects, intent, 'confirm', [
    'requires_payment_method',
    'requires_confirmation',
    'requires_action',
  ]);
  if (params['payment_method']) intent['payment_method'] = params['payment_method'];
  if (!intent['payment_method']) {
    throw invalid(
      'payment_intent_unexpected_state',
      'payment_method',
      'A payment method is missing.',
      intent,
    );
  }
  attempt(objects, intent);
  return intent;
}

export function captureIntent(objects: Objects, id: string, params: Params): Body {
  const intent = objects.get('payment_intent', id);
  inState(objects, intent, 'capture', ['requires_capture']);
  const amount = Number(params['amount_to_capture'] ?? intent['amount_capturable']);
  if (amount < 1 || amount > Number(intent['amount_capturable'])) {
    throw invalid('amount_too_large', 'amount_to_capture', 'More than can be captured.');
  }
  take(objects, intent, amount);
  return intent;
}

export function cancelIntent(objects: Objects, id: string, reason: unknown): Body {
  const intent = objects.get('payment_intent', id);
  inState(objects, intent, 'cancel', [
    'requires_payment_method',
    'requires_confirmation',
    'requires_action',
    'requires_capture',
    'processing',
  ]);
  Object.assign(intent, {
    status: 'canceled',
    canceled_at: objects.state.seconds,
    cancellation_reason: reason ?? null,
    amount_capturable: 0,
    next_action: null,
  });
  objects.event('payment_intent.canceled', intent);
  return intent;
}

/** What a bank that took its time says in the end; also what the payer said to their bank. */
export function settleIntent(objects: Objects, id: string, isApproved: boolean): Body {
  const intent = objects.get('payment_intent', id);
  inState(objects, intent, 'settle', ['processing', 'requires_action']);
  intent['next_action'] = null;
  if (isApproved) approve(objects, intent);
  else fail(objects, intent, { code: 'payment_intent_authentication_failure', message: 'Failed.' });
  return intent;
}

function attempt(objects: Objects, intent: Body): void {
  const outcome = outcomeOf(String(intent['payment_method']));
  if (!outcome) throw missingMethod(String(intent['payment_method']));
  Object.assign(intent, { last_payment_error: null, next_action: null });
  switch (outcome.kind) {
    case 'approved':
      approve(objects, intent);
      if (outcome.dispute === true) openDispute(objects, intent, 'fraudulent');
      break;
    case 'declined': {
      fail(objects, intent, outcome.error);
      const payment_intent = objects.shown(intent);
      throw new StripeError(402, { type: 'card_error', ...outcome.error, payment_intent });
    }
    case 'action':
      intent['status'] = 'requires_action';
      intent['next_action'] = {
        type: 'redirect_to_url',
        redirect_to_url: { url: `https://hooks.stripe.test/3ds/${intent.id}`, return_url: null },
      };
      objects.event('payment_intent.requires_action', intent);
      break;
    case 'processing':
      intent['status'] = 'processing';
      objects.event('payment_intent.processing', intent);
      break;
  }
}

function approve(objects: Objects, intent: Body): void {
  const isManual = intent['capture_method'] === 'manual';
  const amount = Number(intent['amount']);
  const charge = objects.make('charge', {
    amount,
    currency: intent['currency'],
    payment_intent: intent.id,
    payment_method: intent['payment_method'],
    captured: false,
    paid: true,
    status: 'succeeded',
    metadata: intent['metadata'],
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
  });
  intent['latest_charge'] = charge.id;
  if (!isManual) {
    take(objects, intent, amount);
    return;
  }
  Object.assign(intent, { status: 'requires_capture', amount_capturable: amount });
  objects.event('payment_intent.amount_capturable_updated', intent);
}

function take(objects: Objects, intent: Body, amount: number): void {
  const charge = objects.get('charge', String(intent['latest_charge']));
  const moved = objects.move('charge', amount, {
    fee: feeOf(amount),
    currency: intent['currency'],
    source: charge.id,
  });
  Object.assign(charge, { captured: true, amount_captured: amount, balance_transaction: moved.id });
  Object.assign(intent, { status: 'succeeded', amount_received: amount, amount_capturable: 0 });
  objects.event('charge.succeeded', charge);
  objects.event('payment_intent.succeeded', intent);
}

function fail(objects: Objects, intent: Body, error: object): void {
  Object.assign(intent, {
    status: 'requires_payment_method',
    payment_method: null,
    last_payment_error: { type: 'card_error', ...error },
  });
  objects.event('payment_intent.payment_failed', intent);
}

function inState(objects: Objects, intent: Body, what: string, states: readonly string[]): void {
  if (states.includes(String(intent['status']))) return;
  const message = `You cannot ${what} this PaymentIntent because it has a status of ${String(intent['status'])}.`;
  throw invalid('payment_intent_unexpected_state', undefined, message, objects.shown(intent));
}

function invalid(code: string, param: string | undefined, message: string, payment_intent?: Body) {
  return new StripeError(400, {
    type: 'invalid_request_error',
    ...{ code, message },
    ...(param !== undefined && { param }),
    ...(payment_intent && { payment_intent }),
  });
}

function missingMethod(id: string): StripeError {
  return new StripeError(400, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    param: 'payment_method',
    message: `No such PaymentMethod: '${id}'`,
  });
}
