import type Stripe from 'stripe';
import type { PaymentProvider } from '../payments.ts';
import { connect } from './connect.ts';
import { lists } from './lists.ts';
import { reads } from './reads.ts';
import type { StripeOptions } from './transport.ts';
import { stripeTransport } from './transport.ts';
import { factOf, ownerOf, verifyWebhook } from './webhook.ts';
import { writePayments } from './write-payments.ts';
import { writeReturns } from './write-returns.ts';

const keyKeptMs = 24 * 3_600_000;

/** Stripe as a payment provider. Nothing of its SDK leaves this folder. */
export function stripeProvider(options: StripeOptions): PaymentProvider {
  const { sdk, isLive, close } = stripeTransport(options);
  return {
    name: 'STRIPE',
    mode: isLive ? 'LIVE' : 'TEST',
    capabilities: () => ({
      ...{ partialCapture: true, multiCapture: false, incrementAuth: false },
      ...{ asyncRefund: true, disputeEvidence: true, keyKeptMs },
      currencies,
    }),
    ...writePayments(sdk),
    ...writeReturns(sdk),
    ...reads(sdk),
    ...lists(sdk),
    verifyWebhook: (raw, headers, now) =>
      verifyWebhook(raw, headers['stripe-signature'], options.webhookSecrets, now),
    factOf: (event) => factOf(event, apiVersionOf(sdk)),
    ownerOf: ({ body }) => ownerOf(body),
    ...connect(sdk, options),
    close,
  };
}

function apiVersionOf(sdk: Stripe): string {
  return String(sdk.getApiField('version'));
}

const currencies: readonly string[] =
  'AED AUD BGN BRL CAD CHF CLP CZK DKK EUR GBP HKD HUF ILS INR JPY KRW KWD MXN NOK NZD PLN RON SEK SGD THB TWD USD ZAR'.split(
    ' ',
  );
