import type Stripe from 'stripe';

/** What a text of evidence may be about. Files are not among it. */
export const evidenceNames = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_tracking_number',
  'uncategorized_text',
] as const satisfies readonly (keyof Stripe.DisputeUpdateParams.Evidence)[];

/** The part of what is given that Stripe has a place for. */
export function disputeEvidence(
  given: Readonly<Record<string, string>>,
): Stripe.DisputeUpdateParams.Evidence {
  return Object.fromEntries(
    evidenceNames.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  );
}
