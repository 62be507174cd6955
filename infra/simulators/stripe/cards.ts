import type { StripeErrorBody } from './errors.ts';

/** What becomes of an attempt with a payment method. */
export type CardOutcome =
  | { readonly kind: 'approved'; readonly dispute?: boolean }
  | { readonly kind: 'declined'; readonly error: Omit<StripeErrorBody, 'type'> }
  | { readonly kind: 'action' }
  | { readonly kind: 'processing' };

const declined = (decline: string, advice = 'try_again_later'): CardOutcome => ({
  kind: 'declined',
  error: {
    code: 'card_declined',
    decline_code: decline,
    advice_code: advice,
    message: 'Your card was declined.',
  },
});

/** Stripe's test payment methods, by the names that Stripe gives them. */
const outcomes: Readonly<Record<string, CardOutcome>> = {
  pm_card_visa: { kind: 'approved' },
  pm_card_mastercard: { kind: 'approved' },
  pm_card_createDispute: { kind: 'approved', dispute: true },
  pm_card_visa_chargeDeclined: declined('generic_decline'),
  pm_card_visa_chargeDeclinedInsufficientFunds: declined('insufficient_funds'),
  pm_card_visa_chargeDeclinedLostCard: declined('lost_card', 'do_not_try_again'),
  pm_card_visa_chargeDeclinedStolenCard: declined('stolen_card', 'do_not_try_again'),
  pm_card_authenticationRequired: { kind: 'action' },
  pm_card_threeDSecure2Required: { kind: 'action' },
  pm_card_authenticationRequiredOnSetup: {
    kind: 'declined',
    error: { code: 'authentication_required', message: 'The bank wants the payer to confirm.' },
  },
  pm_usBankAccount_success: { kind: 'processing' },
};

export function outcomeOf(paymentMethod: string): CardOutcome | undefined {
  return outcomes[paymentMethod];
}
