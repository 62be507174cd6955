import { StripeError } from './errors.ts';
import type { Objects } from './objects.ts';
import type { Body } from './state.ts';

const feeMinor = 1_500;
const weekSeconds = 7 * 86_400;

/** A payer disputes a payment with their bank, which takes the money at once. */
export function openDispute(objects: Objects, intent: Body, reason: string): Body {
  const dispute = objects.make('dispute', {
    amount: intent['amount_received'],
    currency: intent['currency'],
    charge: intent['latest_charge'],
    payment_intent: intent.id,
    is_charge_refundable: false,
    reason,
    status: 'needs_response',
    metadata: {},
    evidence_details: {
      due_by: objects.state.seconds + weekSeconds,
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      enhanced_eligibility: {},
    },
  });
  objects.event('charge.dispute.created', dispute);
  withdraw(objects, dispute);
  return dispute;
}

export function updateDispute(objects: Objects, id: string, params: Record<string, unknown>): Body {
  const dispute = objects.get('dispute', id);
  if (!String(dispute['status']).endsWith('needs_response')) {
    throw new StripeError(400, {
      type: 'invalid_request_error',
      message: 'This dispute takes no more evidence.',
    });
  }
  Object.assign(dispute['evidence'] as object, params['evidence']);
  if (params['submit'] !== false) {
    dispute['status'] = String(dispute['status']).replace('needs_response', 'under_review');
  }
  objects.event('charge.dispute.updated', dispute);
  return dispute;
}

/** The bank decides; what a merchant won comes back. */
export function closeDispute(objects: Objects, id: string, status: 'won' | 'lost'): Body {
  const dispute = objects.get('dispute', id);
  dispute['status'] = status;
  objects.event('charge.dispute.closed', dispute);
  if (status === 'won') {
    const back = objects.move('adjustment', Number(dispute['amount']), {
      fee: -feeMinor,
      currency: dispute['currency'],
      source: id,
    });
    (dispute['balance_transactions'] as Body[]).push(back);
    objects.event('charge.dispute.funds_reinstated', dispute);
  }
  return dispute;
}

function withdraw(objects: Objects, dispute: Body): void {
  const gone = objects.move('adjustment', -Number(dispute['amount']), {
    fee: feeMinor,
    currency: dispute['currency'],
    source: dispute.id,
  });
  (dispute['balance_transactions'] as Body[]).push(gone);
  objects.event('charge.dispute.funds_withdrawn', dispute);
}
