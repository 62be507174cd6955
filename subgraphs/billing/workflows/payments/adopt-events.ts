import type { Chore } from '../../../shared/host.ts';
import type { ProviderEventRow } from '../../store/payments/rows.ts';
import { dropEvent, listEvents, noteEvent } from '../../store/payments/provider-events.ts';
import type { BillingDeps } from '../deps.ts';
import { keep, nobody, platformRef, tenantOf } from './receive-event.ts';

const batchMax = 100;
/** For as long as a provider would tell again. */
const givenUpMs = 3 * 86_400_000;

/**
 * Brings events to their tenants that could not be told whose they were as they
 * came: about a payment whose reply had not arrived, or of an account that was
 * being connected. The tenant's copy is there before this one goes, so that a
 * crash loses none and doubles none.
 */
export const adoptEvents: Chore<BillingDeps> = {
  name: 'adopt-events',
  everyMs: 5_000,
  async run({ db, deps, signal }) {
    const waiting = await db.tx(nobody, (tx) =>
      listEvents(tx, { statuses: ['RECEIVED'], limit: batchMax, before: undefined }),
    );
    for (const row of waiting) {
      if (signal.aborted) return;
      const event = verified(row);
      const tenant = (await tenantOf(db, deps, platformRef, event)) ?? nobody;
      const owner = tenant === nobody ? await askedOwner(row, deps) : tenant;
      if (owner !== undefined) {
        await keep(db, deps, owner, event);
        await db.tx(nobody, (tx) => dropEvent(tx, row));
      } else if (deps.clock.now().getTime() - row.receivedAt.getTime() > givenUpMs) {
        await db.tx(nobody, (tx) => noteEvent(tx, row, { status: 'IGNORED' }));
      }
    }
  },
};

function verified(row: ProviderEventRow) {
  const { eventId, type, body, createdAt, account } = row;
  return {
    eventId,
    type,
    body,
    createdAt,
    externalAccount: account === platformRef ? null : account,
  };
}

/** The payment says itself whose it is, by the mark that was left on it. */
async function askedOwner(
  row: ProviderEventRow,
  { payments, pace }: BillingDeps,
): Promise<string | undefined> {
  const reference = payments?.ownerOf(row).paymentReference;
  if (!payments || reference == null || row.account !== platformRef) return undefined;
  const account = { id: platformRef, tenant: nobody, externalId: null };
  const seen = await payments.fetchPayment(reference, { deadlineMs: pace.callMs, account });
  return seen.kind === 'done' ? (seen.value.tenant ?? undefined) : undefined;
}
