import type { DisputeSnapshot } from '../domain/payments/dispute-state.ts';
import type { PaymentSnapshot } from '../domain/payments/payment-state.ts';
import type { ProviderFailure } from '../domain/payments/provider-error.ts';
import type { RefundSnapshot } from '../domain/payments/refund-state.ts';

/** An account with a provider; without an external id it is the platform's own. */
export interface AccountRef {
  readonly id: string;
  readonly tenant: string;
  readonly externalId: string | null;
}

/** What every call carries, so that it can be made again and takes no longer than it may. */
export interface Call {
  readonly operationId: string;
  /** At most 45 characters, the same each time the operation is asked for. */
  readonly idempotencyKey: string;
  readonly deadlineMs: number;
  readonly account: AccountRef;
  readonly signal?: AbortSignal;
}

/** Reading has no effect, and needs no key. */
export type ReadCall = Omit<Call, 'operationId' | 'idempotencyKey'>;

/**
 * A refusal is an answer. `unknown` is none: what was asked for may or may not
 * have happened, and nothing may be concluded from it.
 */
export type Answer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | {
      readonly kind: 'refused';
      readonly failure: ProviderFailure;
      /** The payment as the provider has it, where it says so with its no. */
      readonly payment?: PaymentSnapshot;
    }
  | { readonly kind: 'unknown'; readonly failure: ProviderFailure };

export interface Capabilities {
  readonly partialCapture: boolean;
  readonly multiCapture: boolean;
  readonly incrementAuth: boolean;
  readonly asyncRefund: boolean;
  readonly disputeEvidence: boolean;
  /** ISO 4217. */
  readonly currencies: readonly string[];
  /** For how long a key is surely kept. */
  readonly keyKeptMs: number;
}

export interface CreateOrder {
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly capture: 'AUTOMATIC' | 'MANUAL';
  readonly paymentMethod: string | null;
  readonly confirm: boolean;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a provider told without being asked, checked to be its own. */
export interface VerifiedEvent {
  readonly eventId: string;
  readonly type: string;
  /** The connected account it is about; none is the platform's own. */
  readonly externalAccount: string | null;
  readonly createdAt: Date;
  readonly body: Readonly<Record<string, unknown>>;
}

export type Verification =
  | { readonly kind: 'verified'; readonly event: VerifiedEvent }
  | { readonly kind: 'rejected'; readonly reason: string };

/** The fact in an event; `look` when it must be read from the provider instead. */
export type EventFact =
  | {
      readonly kind: 'payment';
      readonly snapshot: PaymentSnapshot;
      readonly paymentId: string | null;
    }
  | { readonly kind: 'refund'; readonly snapshot: RefundSnapshot; readonly refundId: string | null }
  | { readonly kind: 'dispute'; readonly snapshot: DisputeSnapshot }
  | {
      readonly kind: 'payout';
      readonly reference: string;
      readonly amountMinor: number;
      readonly currency: string;
      /** The bank sent it back. */
      readonly isReturned: boolean;
    }
  | { readonly kind: 'revoked'; readonly externalAccount: string }
  | {
      readonly kind: 'look';
      readonly at: 'payment' | 'refund' | 'dispute';
      readonly reference: string;
    }
  | { readonly kind: 'ignored'; readonly why: string };

/** A movement of the balance at the provider. */
export interface BalanceMovement {
  readonly reference: string;
  readonly kind: string;
  readonly amountMinor: number;
  readonly feeMinor: number;
  readonly currency: string;
  readonly source: string | null;
  readonly at: Date;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; none at the end. */
  readonly next: string | null;
}

/** A payment as it was found at the provider, and which of ours it says it is. */
export interface FoundPayment {
  readonly snapshot: PaymentSnapshot;
  readonly paymentId: string | null;
  readonly tenant: string | null;
}

/** What billing needs from a payment company. One folder beside this file per company. */
export interface PaymentProvider {
  readonly name: 'STRIPE';
  readonly mode: 'LIVE' | 'TEST';
  capabilities(): Capabilities;

  createPayment(order: CreateOrder, call: Call): Promise<Answer<PaymentSnapshot>>;
  confirm(
    order: { readonly reference: string; readonly paymentMethod: string | null },
    call: Call,
  ): Promise<Answer<PaymentSnapshot>>;
  capture(
    order: { readonly reference: string; readonly amountMinor: number },
    call: Call,
  ): Promise<Answer<PaymentSnapshot>>;
  cancel(
    order: { readonly reference: string; readonly reason: string | null },
    call: Call,
  ): Promise<Answer<PaymentSnapshot>>;
  refund(
    order: {
      readonly refundId: string;
      readonly paymentReference: string;
      readonly amountMinor: number;
      readonly reason: string | null;
    },
    call: Call,
  ): Promise<Answer<RefundSnapshot>>;
  cancelRefund(order: { readonly reference: string }, call: Call): Promise<Answer<RefundSnapshot>>;
  submitEvidence(
    order: { readonly reference: string; readonly evidence: Readonly<Record<string, string>> },
    call: Call,
  ): Promise<Answer<DisputeSnapshot>>;
  acceptDispute(
    order: { readonly reference: string },
    call: Call,
  ): Promise<Answer<DisputeSnapshot>>;

  fetchPayment(reference: string, call: ReadCall): Promise<Answer<FoundPayment>>;
  fetchRefund(reference: string, call: ReadCall): Promise<Answer<RefundSnapshot>>;
  fetchDispute(reference: string, call: ReadCall): Promise<Answer<DisputeSnapshot>>;
  /** What a payer's browser needs to pay. Read each time and kept nowhere. */
  clientSecret(reference: string, call: ReadCall): Promise<Answer<string>>;
  /** The payment or refund that an operation made, by the mark that it left on it. */
  findPayment(
    operation: { readonly operationId: string; readonly since: Date },
    call: ReadCall,
  ): Promise<Answer<PaymentSnapshot | undefined>>;
  findRefund(
    operation: { readonly operationId: string; readonly paymentReference: string },
    call: ReadCall,
  ): Promise<Answer<RefundSnapshot | undefined>>;
  listEvents(
    range: { readonly since: Date; readonly cursor: string | null },
    call: ReadCall,
  ): Promise<Answer<Page<VerifiedEvent>>>;
  listBalanceTransactions(
    range: { readonly from: Date; readonly to: Date; readonly cursor: string | null },
    call: ReadCall,
  ): Promise<Answer<Page<BalanceMovement>>>;

  /** Whether the bytes are the provider's, and recent. Never throws. */
  verifyWebhook(
    raw: Uint8Array,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    now: Date,
  ): Verification;
  factOf(event: Pick<VerifiedEvent, 'type' | 'body' | 'createdAt'>): EventFact;
  /** Whose an event of the platform's own account is, as far as it says so itself. */
  ownerOf(event: Pick<VerifiedEvent, 'body'>): {
    readonly tenant: string | null;
    readonly paymentReference: string | null;
  };

  /** Where a person lets the platform use their account (OAuth 2, RFC 6749). */
  authorizeUrl(order: { readonly state: string; readonly redirectUri: string }): string;
  exchangeCode(code: string, call: ReadCall): Promise<Answer<{ readonly externalId: string }>>;
  /** A new account with the provider, and where a person fills in what it asks. */
  onboardingUrl(
    order: { readonly externalId: string | null; readonly returnUrl: string },
    call: Call,
  ): Promise<Answer<{ readonly externalId: string; readonly url: string }>>;
  accountStatus(
    externalId: string,
    call: ReadCall,
  ): Promise<Answer<'ACTIVE' | 'RESTRICTED' | 'PENDING'>>;
  revoke(externalId: string, call: Call): Promise<Answer<undefined>>;
  close(): Promise<void>;
}
