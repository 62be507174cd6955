import { z } from 'zod';
import { names, text } from './setting-kinds.ts';

/** How the platform is known to Stripe. */
export interface StripeConfig {
  /** Without it nobody takes payments. */
  readonly secretKey: string | undefined;
  readonly webhookSecrets: readonly string[];
  readonly clientId: string | undefined;
  /** Another server than Stripe's own: a simulator. */
  readonly baseUrl: string | undefined;
}

export const stripeSettings = {
  STRIPE_SECRET_KEY: {
    about: 'The secret key of the platform’s Stripe account; without it payments are simulated.',
    schema: z
      .string()
      .regex(
        /^(sk|rk)_(test|live)_\w+$/,
        'must begin with sk_test_, sk_live_, rk_test_ or rk_live_',
      )
      .optional(),
  },
  STRIPE_WEBHOOK_SECRET: {
    about: 'What Stripe signs webhooks with; two, separated by a comma, while one is changed.',
    schema: names,
  },
  STRIPE_CLIENT_ID: {
    about: 'The platform’s id for Stripe Connect, such as ca_….',
    schema: text,
  },
} as const;

interface StripeValues {
  readonly STRIPE_SECRET_KEY: string | undefined;
  readonly STRIPE_WEBHOOK_SECRET: readonly string[] | undefined;
  readonly STRIPE_CLIENT_ID: string | undefined;
}

export function stripeOf(values: StripeValues): StripeConfig {
  return {
    secretKey: values.STRIPE_SECRET_KEY,
    webhookSecrets: values.STRIPE_WEBHOOK_SECRET ?? [],
    clientId: values.STRIPE_CLIENT_ID,
    baseUrl: undefined,
  };
}

/** What is told by a provider whose signature cannot be checked would be lost. */
export function stripeProblems(values: StripeValues): readonly string[] {
  const isDeaf =
    values.STRIPE_SECRET_KEY !== undefined && values.STRIPE_WEBHOOK_SECRET === undefined;
  return isDeaf ? ['STRIPE_SECRET_KEY needs STRIPE_WEBHOOK_SECRET.'] : [];
}
