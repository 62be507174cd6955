/** What kind of no it is, whichever provider says it. */
export const errorCategories = [
  'DECLINED_SOFT',
  'DECLINED_HARD',
  'AUTHENTICATION_REQUIRED',
  'RATE_LIMITED',
  'INVALID_REQUEST',
  'INVALID_STATE',
  'CONFIGURATION',
  'ACCOUNT_REVOKED',
  'PROVIDER_UNAVAILABLE',
  'IDEMPOTENCY_CONFLICT',
  'UNKNOWN',
] as const;
export type ErrorCategory = (typeof errorCategories)[number];

/** Why a provider did not do something. Never has what identifies a card. */
export interface ProviderFailure {
  readonly category: ErrorCategory;
  readonly code: string | null;
  readonly declineCode: string | null;
  readonly adviceCode: string | null;
  /** Whether the same thing, asked for again, may do. */
  readonly retryable: boolean;
  readonly requestId: string | null;
}

/**
 * Whether a payer may be asked for another attempt. A card that is lost, stolen
 * or not to be tried again is not; nor is another provider.
 */
export function mayTryAgain({ category }: Pick<ProviderFailure, 'category'>): boolean {
  return category === 'DECLINED_SOFT' || category === 'AUTHENTICATION_REQUIRED';
}

/** What a payer is told: why a card is refused for good is between its holder and the bank. */
export function messageOf({ category }: Pick<ProviderFailure, 'category'>): string {
  return messages[category];
}

const messages: Readonly<Record<ErrorCategory, string>> = {
  DECLINED_SOFT: 'The card was declined. Try again later, or with another card.',
  DECLINED_HARD: 'The card was declined. Try another card.',
  AUTHENTICATION_REQUIRED: 'The payer has to confirm the payment with their bank.',
  RATE_LIMITED: 'The payment provider is asked too often. Try again in a moment.',
  INVALID_REQUEST: 'The payment provider cannot do what was asked for.',
  INVALID_STATE: 'The payment provider has it in a state that does not allow this.',
  CONFIGURATION: 'The payment provider does not know what was asked about.',
  ACCOUNT_REVOKED: 'The account with the payment provider is no longer connected.',
  PROVIDER_UNAVAILABLE: 'The payment provider could not be reached.',
  IDEMPOTENCY_CONFLICT: 'The payment provider has this key for something else. It is looked into.',
  UNKNOWN: 'The payment provider gave no usable answer.',
};
