import type Stripe from 'stripe';
import type { PaymentProvider } from '../payments.ts';
import { asked, keyed, sent } from './calls.ts';
import type { StripeOptions } from './transport.ts';

type Connect = Pick<
  PaymentProvider,
  'authorizeUrl' | 'exchangeCode' | 'onboardingUrl' | 'accountStatus' | 'revoke'
>;

/**
 * Accounts of others, by Stripe Connect. No token of theirs is kept: the platform
 * uses its own key and names the account, so that there is nothing to be stolen.
 */
export function connect(sdk: Stripe, { clientId = '', baseUrl }: StripeOptions): Connect {
  return {
    // stripe-node's own always says https and drops the port.
    authorizeUrl({ state, redirectUri }) {
      const url = new URL('/oauth/authorize', baseUrl ?? 'https://connect.stripe.com');
      url.search = new URLSearchParams({
        response_type: 'code',
        client_id: clientId,
        scope: 'read_write',
        state,
        redirect_uri: redirectUri,
      }).toString();
      return url.href;
    },
    exchangeCode: (code, call) =>
      asked(call, async () => {
        const token = await sdk.oauth.token({ grant_type: 'authorization_code', code });
        return { externalId: token.stripe_user_id ?? '' };
      }),
    onboardingUrl: ({ externalId, returnUrl }, call) =>
      asked(call, async () => {
        const id = externalId ?? (await sdk.accounts.create({ type: 'standard' }, keyed(call))).id;
        const link = await sdk.accountLinks.create(
          {
            account: id,
            type: 'account_onboarding',
            return_url: returnUrl,
            refresh_url: returnUrl,
          },
          { ...sent(call), idempotencyKey: `${call.idempotencyKey}-link` },
        );
        return { externalId: id, url: link.url };
      }),
    accountStatus: (externalId, call) =>
      asked(call, async () => {
        const account = await sdk.accounts.retrieve(externalId, {}, sent(call));
        if (!account.details_submitted) return 'PENDING';
        return account.charges_enabled && account.payouts_enabled ? 'ACTIVE' : 'RESTRICTED';
      }),
    revoke: (externalId, call) =>
      asked(call, async () => {
        await sdk.oauth.deauthorize({ client_id: clientId, stripe_user_id: externalId });
        return undefined;
      }),
  };
}
