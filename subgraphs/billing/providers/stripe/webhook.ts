import { createHmac, timingSafeEqual } from 'node:crypto';
import type Stripe from 'stripe';
import { withoutCardNumbers } from '../../domain/payments/card-number.ts';
import type { EventFact, Verification, VerifiedEvent } from '../payments.ts';
import { disputeOf, marks, paymentOf, refundOf } from './snapshots.ts';

/** How old a signature may be, and how far ahead of our clock. Neither is ever zero. */
export const toleranceSeconds = { behind: 300, ahead: 60 } as const;

/**
 * Checks that bytes were signed by Stripe for us, and recently (Stripe-Signature:
 * HMAC-SHA256 over time and body; any of several v1 counts, so that a secret can be
 * changed). The bytes are checked as they came: parsing and writing them again
 * would change them. stripe-node would take a time in the far future.
 */
export function verifyWebhook(
  raw: Uint8Array,
  header: unknown,
  secrets: readonly string[],
  now: Date,
): Verification {
  const signed = signatureOf(header);
  if (!signed) return rejected('no signature');
  const payload = Buffer.concat([Buffer.from(`${signed.time}.`), raw]);
  const isOurs = secrets.some((secret) => {
    const right = createHmac('sha256', secret).update(payload).digest();
    return signed.signatures.some(
      (told) => told.length === right.length && timingSafeEqual(told, right),
    );
  });
  if (!isOurs) return rejected('wrong signature');
  const ageSeconds = Math.floor(now.getTime() / 1_000) - Number(signed.time);
  if (ageSeconds > toleranceSeconds.behind) return rejected('too old');
  if (-ageSeconds > toleranceSeconds.ahead) return rejected('from the future');
  const event = eventOf(Buffer.from(raw).toString());
  return event ? { kind: 'verified', event } : rejected('not an event');
}

function rejected(reason: string): Verification {
  return { kind: 'rejected', reason };
}

function signatureOf(header: unknown) {
  if (typeof header !== 'string' || header.length > 4_096) return undefined;
  const parts = header.split(',').map((part) => part.trim().split('='));
  const time = parts.find(([name]) => name === 't')?.[1] ?? '';
  const signatures = parts
    .filter(([name, value]) => name === 'v1' && /^[0-9a-f]{64}$/.test(value ?? ''))
    .map(([, value]) => Buffer.from(value ?? '', 'hex'));
  return /^\d{1,12}$/.test(time) && signatures.length > 0 ? { time, signatures } : undefined;
}

/** Reads an event; what looks like a card's number is taken out before anything keeps it. */
export function eventOf(text: string): VerifiedEvent | undefined {
  try {
    const body = JSON.parse(text, cleaned) as Partial<Stripe.Event>;
    const { id, type, created, account } = body;
    if (typeof id !== 'string' || typeof type !== 'string' || id.length > 255) return undefined;
    return {
      eventId: id,
      type,
      externalAccount: account ?? null,
      // Thin events of v2 say it as text.
      createdAt: new Date(typeof created === 'number' ? created * 1_000 : String(created)),
      body: body as unknown as Record<string, unknown>,
    };
  } catch {
    return undefined;
  }
}

function cleaned(_name: string, value: unknown): unknown {
  if (typeof value === 'string') return withoutCardNumbers(value);
  if (typeof value !== 'number') return value;
  const text = withoutCardNumbers(String(value));
  return text === String(value) ? value : text;
}

const kinds = [
  ['payment_intent.', 'payment'],
  ['refund.', 'refund'],
  ['charge.refund.', 'refund'],
  ['charge.dispute.', 'dispute'],
] as const;

/**
 * What an event says. One that was written in another version of the API, or
 * tells too little, is a reason to look at the thing itself.
 */
export function factOf(
  { type, body, createdAt }: Pick<VerifiedEvent, 'type' | 'body' | 'createdAt'>,
  apiVersion: string,
): EventFact {
  const event = body as unknown as Partial<Stripe.Event>;
  if (type === 'account.application.deauthorized') {
    return { kind: 'revoked', externalAccount: event.account ?? '' };
  }
  if (type === 'payout.paid' || type === 'payout.failed') {
    const payout = objectOf(body) as unknown as Stripe.Payout;
    return {
      kind: 'payout',
      reference: payout.id,
      amountMinor: payout.amount,
      currency: payout.currency.toUpperCase(),
      isReturned: type === 'payout.failed',
    };
  }
  const kind = kinds.find(([prefix]) => type.startsWith(prefix))?.[1];
  if (!kind) return { kind: 'ignored', why: `${type} is of no interest` };
  const object = objectOf(body);
  if (!object) return { kind: 'ignored', why: `${type} tells of nothing` };
  const atMs = createdAt.getTime();
  if (event.api_version !== apiVersion) return { kind: 'look', at: kind, reference: object.id };
  switch (kind) {
    case 'payment':
      return {
        kind,
        snapshot: paymentOf(object as unknown as Stripe.PaymentIntent, atMs),
        paymentId: object.metadata?.[marks.payment] ?? null,
      };
    case 'refund':
      return {
        kind,
        snapshot: refundOf(object as unknown as Stripe.Refund),
        refundId: object.metadata?.[marks.refund] ?? null,
      };
    case 'dispute':
      return { kind, snapshot: disputeOf(object as unknown as Stripe.Dispute, atMs) };
  }
}

interface MarkedObject {
  readonly id: string;
  readonly metadata?: Readonly<Record<string, string>> | null;
  readonly payment_intent?: unknown;
}

/** The object of a snapshot event, or what a thin event (v2) is about. */
function objectOf(body: VerifiedEvent['body']): MarkedObject | undefined {
  const data = body['data'] as { readonly object?: unknown } | undefined;
  const related = body['related_object'];
  const object = (data?.object ?? related) as Partial<MarkedObject> | null | undefined;
  return typeof object?.id === 'string' ? (object as MarkedObject) : undefined;
}

/** Whose an event of the platform's own account is, as far as it says so itself. */
export function ownerOf(body: VerifiedEvent['body']): {
  readonly tenant: string | null;
  readonly paymentReference: string | null;
} {
  const object = objectOf(body);
  const intent = object?.payment_intent;
  const isPayment = object?.id.startsWith('pi_') === true;
  return {
    tenant: object?.metadata?.[marks.tenant] ?? null,
    paymentReference: isPayment ? object.id : typeof intent === 'string' ? intent : null,
  };
}
