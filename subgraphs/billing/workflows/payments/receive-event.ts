import type { Database } from '../../../shared/db.ts';
import type { VerifiedEvent } from '../../providers/payments.ts';
import { ownerOfPayment } from '../../store/payments/payments.ts';
import { ownerOfAccount } from '../../store/payments/provider-accounts.ts';
import type { EventKey } from '../../store/payments/provider-events.ts';
import { keepEvent } from '../../store/payments/provider-events.ts';
import type { BillingDeps } from '../deps.ts';
import { applyEvent, runIdOfEvent } from './apply-event.ts';

/** The tenant that stands for nobody yet. */
export const nobody = '*';

/** The platform's own endpoint; every other one is an account's. */
export const platformRef = 'platform';

export type Reception =
  | { readonly kind: 'kept'; readonly fresh: boolean }
  | { readonly kind: 'rejected'; readonly reason: string };

/**
 * Takes what a provider tells: checked against its signature on the bytes as they
 * came, and kept before it is thanked. It is applied afterwards, once however
 * often it is told. What is not the provider's leaves nothing behind.
 */
export async function receiveEvent(
  db: Database,
  deps: BillingDeps,
  told: {
    readonly accountRef: string;
    readonly raw: Uint8Array;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  },
): Promise<Reception> {
  const { payments, clock } = deps;
  if (!payments) return { kind: 'rejected', reason: 'no provider' };
  const verified = payments.verifyWebhook(told.raw, told.headers, clock.now());
  if (verified.kind === 'rejected') return verified;
  const tenant = await tenantOf(db, deps, told.accountRef, verified.event);
  if (tenant === undefined) return { kind: 'rejected', reason: 'another account' };
  return { kind: 'kept', fresh: await keep(db, deps, tenant, verified.event) };
}

/** Keeps an event for a tenant and has it applied. False when it is kept already. */
export function keep(
  db: Database,
  { payments, clock }: BillingDeps,
  tenant: string,
  event: VerifiedEvent,
): Promise<boolean> {
  const key: EventKey = {
    provider: payments?.name ?? 'STRIPE',
    account: event.externalAccount ?? platformRef,
    eventId: event.eventId,
  };
  return db.tx(tenant, async (tx) => {
    const { type, body, createdAt } = event;
    const isFresh = await keepEvent(tx, { ...key, type, body, createdAt, receivedAt: clock.now() });
    if (isFresh && tenant !== nobody) await applyEvent.start(tx, runIdOfEvent(key, 0), { ...key });
    return isFresh;
  });
}

/** Whose the event is; undefined when it is not the endpoint's. */
export async function tenantOf(
  db: Database,
  { payments }: BillingDeps,
  accountRef: string,
  event: VerifiedEvent,
): Promise<string | undefined> {
  const name = payments?.name ?? 'STRIPE';
  const { externalAccount } = event;
  if (accountRef !== platformRef) {
    const owner = await db.across((tx) => ownerOfAccount(tx, name, { id: accountRef }));
    return owner?.externalId === externalAccount ? owner.tenant : undefined;
  }
  if (externalAccount !== null) {
    const owner = await db.across((tx) =>
      ownerOfAccount(tx, name, { externalId: externalAccount }),
    );
    return owner?.tenant ?? nobody;
  }
  const { tenant, paymentReference } = payments?.ownerOf(event) ?? {};
  if (tenant != null) return tenant;
  if (paymentReference == null) return nobody;
  return (await db.across((tx) => ownerOfPayment(tx, name, paymentReference))) ?? nobody;
}
