import { StripeError } from './errors.ts';
import type { Objects } from './objects.ts';
import type { Body } from './state.ts';

export function createRefund(objects: Objects, params: Record<string, unknown>): Body {
  const intent = objects.get('payment_intent', String(params['payment_intent']));
  const charge = objects.get('charge', String(intent['latest_charge']));
  const left = Number(charge['amount_captured']) - Number(charge['amount_refunded']);
  const amount = Number(params['amount'] ?? left);
  if (left === 0)
    throw no('charge_already_refunded', `Charge ${charge.id} has already been refunded.`);
  if (amount < 1 || amount > left) throw no('amount_too_large', 'More than is left of the charge.');
  const refund = objects.make('refund', {
    amount,
    currency: intent['currency'],
    charge: charge.id,
    payment_intent: intent.id,
    metadata: params['metadata'] ?? {},
    reason: params['reason'] ?? null,
    status: 'pending',
  });
  charge['amount_refunded'] = Number(charge['amount_refunded']) + amount;
  charge['refunded'] = charge['amount_refunded'] === charge['amount_captured'];
  objects.event('refund.created', refund);
  if (intent['payment_method'] === 'pm_usBankAccount_success') return refund;
  return settleRefund(objects, refund.id, 'succeeded');
}

/** What becomes of a refund. One that succeeded may still fail: the money comes back. */
export function settleRefund(
  objects: Objects,
  id: string,
  status: 'succeeded' | 'failed' | 'canceled',
): Body {
  const refund = objects.get('refund', id);
  const amount = Number(refund['amount']);
  const { currency } = refund;
  const charge = objects.get('charge', String(refund['charge']));
  if (status === 'succeeded') {
    refund['balance_transaction'] ??= objects.move('refund', -amount, { currency, source: id }).id;
  } else if (refund['status'] !== 'failed' && refund['status'] !== 'canceled') {
    charge['amount_refunded'] = Number(charge['amount_refunded']) - amount;
    charge['refunded'] = false;
    if (refund['balance_transaction']) {
      const back = objects.move('refund_failure', amount, { currency, source: id });
      refund['failure_balance_transaction'] = back.id;
    }
    if (status === 'failed') refund['failure_reason'] = 'expired_or_canceled_card';
  }
  refund['status'] = status;
  objects.event(status === 'failed' ? 'refund.failed' : 'refund.updated', refund);
  if (status === 'succeeded') objects.event('charge.refunded', charge);
  return refund;
}

export function cancelRefund(objects: Objects, id: string): Body {
  const refund = objects.get('refund', id);
  if (refund['status'] !== 'pending' && refund['status'] !== 'requires_action') {
    throw no('status_transition_invalid', `Refund ${id} cannot be canceled.`);
  }
  return settleRefund(objects, id, 'canceled');
}

function no(code: string, message: string): StripeError {
  return new StripeError(400, { type: 'invalid_request_error', code, message });
}
