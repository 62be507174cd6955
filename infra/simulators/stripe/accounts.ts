import { StripeError } from './errors.ts';
import type { Objects } from './objects.ts';
import type { Body } from './state.ts';

export function createAccount(objects: Objects, params: Record<string, unknown>): Body {
  return objects.make('account', {
    type: params['type'] ?? 'standard',
    charges_enabled: false,
    payouts_enabled: false,
    details_submitted: false,
    metadata: {},
  });
}

export function createAccountLink(objects: Objects, params: Record<string, unknown>): object {
  const id = String(params['account']);
  objects.get('account', id);
  const { seconds } = objects.state;
  return {
    object: 'account_link',
    created: seconds,
    expires_at: seconds + 300,
    url: `https://connect.stripe.test/setup/${id}`,
  };
}

export function exchangeCode(objects: Objects, code: string): object {
  const kept = objects.state.codes[code];
  if (!kept || kept.used) {
    throw new OAuthError('invalid_grant', `Authorization code expired or used: ${code}`);
  }
  kept.used = true;
  return {
    access_token: `sk_acct_${kept.account}`,
    livemode: false,
    refresh_token: `rt_${kept.account}`,
    token_type: 'bearer',
    stripe_publishable_key: `pk_acct_${kept.account}`,
    stripe_user_id: kept.account,
    scope: 'read_write',
  };
}

/** OAuth has errors of its own form (RFC 6749 §5.2). */
export class OAuthError extends StripeError {
  constructor(code: string, message: string) {
    super(400, { type: 'invalid_request_error', code, message });
  }
}
