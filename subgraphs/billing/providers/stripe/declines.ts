/** Cards that their banks do not want to be tried again, whatever the advice says. */
const hard: ReadonlySet<string> = new Set([
  'lost_card',
  'stolen_card',
  'pickup_card',
  'fraudulent',
  'restricted_card',
  'security_violation',
  'revocation_of_all_authorizations',
  'revocation_of_authorization',
  'stop_payment_order',
  'invalid_account',
  'merchant_blacklist',
  'transaction_not_allowed',
]);

/** Why a bank said no, in Stripe's words. */
export interface Decline {
  readonly advice_code?: string | undefined;
  readonly decline_code?: string | undefined;
}

/** Whether the card may be tried again some day. */
export function declineOf({
  advice_code: advice,
  decline_code: decline,
}: Decline): 'DECLINED_HARD' | 'DECLINED_SOFT' {
  const isHard = advice === 'do_not_try_again' || hard.has(decline ?? '');
  return isHard ? 'DECLINED_HARD' : 'DECLINED_SOFT';
}
