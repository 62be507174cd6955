import type { Context } from '../../../shared/context.ts';
import type { ProviderFailure } from '../../domain/payments/provider-error.ts';
import type { ReadCall } from '../../providers/payments.ts';
import { findPayment } from '../../store/payments/payments.ts';
import { findProviderAccount } from '../../store/payments/provider-accounts.ts';
import type { PaymentRow, ProviderAccountRow } from '../../store/payments/rows.ts';
import { absorbPayment } from '../../store/payments/write-payment.ts';
import type { BillingDeps } from '../deps.ts';

type Asking = Pick<Context<BillingDeps>, 'db' | 'deps' | 'actor' | 'tenant' | 'signal'>;

export type Sync =
  | { readonly kind: 'synced'; readonly payment: PaymentRow }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'failed'; readonly failure: ProviderFailure };

/** Reads a payment from its provider and takes in what is there. Once or twice, it is the same. */
export async function syncPayment(ctx: Asking, paymentId: string): Promise<Sync> {
  const found = await paymentWithAccount(ctx, paymentId);
  if (!found) return { kind: 'not-found' };
  const { payment, account } = found;
  const { payments, clock } = ctx.deps;
  if (payment.providerReference === null || !payments) return { kind: 'synced', payment };
  const seen = await payments.fetchPayment(payment.providerReference, readCall(ctx, account));
  if (seen.kind !== 'done') return { kind: 'failed', failure: seen.failure };
  const cause = { by: ctx.actor, at: clock.now() };
  const synced = await ctx.db.tx((tx) => absorbPayment(tx, paymentId, seen.value.snapshot, cause));
  return { kind: 'synced', payment: synced };
}

/** What a payer's browser needs to pay; undefined when the provider does not say. */
export async function clientSecretOf(ctx: Asking, paymentId: string): Promise<string | undefined> {
  const found = await paymentWithAccount(ctx, paymentId);
  const { payments } = ctx.deps;
  if (!found?.payment.providerReference || !payments) return undefined;
  const call = readCall(ctx, found.account);
  const told = await payments.clientSecret(found.payment.providerReference, call);
  return told.kind === 'done' ? told.value : undefined;
}

async function paymentWithAccount(ctx: Asking, paymentId: string) {
  return ctx.db.tx(async (tx) => {
    const payment = await findPayment(tx, paymentId);
    const account = payment && (await findProviderAccount(tx, payment.accountId));
    return account ? { payment, account } : undefined;
  });
}

function readCall(
  { deps, tenant, signal }: Asking,
  { id, externalId }: ProviderAccountRow,
): ReadCall {
  return { deadlineMs: deps.pace.callMs, signal, account: { id, tenant, externalId } };
}
