import type { Chore } from '../../shared/host.ts';
import { billingActor } from '../store/actor.ts';
import {
  draftInvoice,
  draftsDue,
  finalizeInvoice,
  lockInvoice,
  subscriptionsDue,
} from '../store/invoices/invoices.ts';
import { lockSubscription } from '../store/pricing/subscriptions.ts';
import type { BillingDeps } from './deps.ts';

/**
 * Drafts the invoices of periods that are over, and makes drafts final once usage
 * that is late has had its time.
 *
 * Each is one transaction that looks again under a lock, so several processes may
 * do this at once, and a crash leaves nothing half done.
 */
export const billPeriods: Chore<BillingDeps> = {
  name: 'bill-periods',
  everyMs: 60_000,
  async run({ db, deps, signal }) {
    const at = deps.clock.now();
    for (let some = true; some && !signal.aborted;) {
      const due = await db.across((tx) => subscriptionsDue(tx, at));
      for (const { tenant, id } of due) {
        await db.tx(tenant, async (tx) => {
          const row = await lockSubscription(tx, id);
          if (row?.nextBillAt && row.nextBillAt <= at) await draftInvoice(tx, row, at);
        });
      }
      some = due.length > 0;
    }
    for (let some = true; some && !signal.aborted;) {
      const due = await db.across((tx) => draftsDue(tx, at));
      for (const { tenant, id } of due) {
        await db.tx(tenant, async (tx) => {
          const draft = await lockInvoice(tx, id);
          if (draft?.state === 'DRAFT')
            await finalizeInvoice(tx, draft, { actor: billingActor, at });
        });
      }
      some = due.length > 0;
    }
  },
};
