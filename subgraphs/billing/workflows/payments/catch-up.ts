import type { Chore } from '../../../shared/host.ts';
import type { BillingDeps } from '../deps.ts';
import { keep, nobody, platformRef, tenantOf } from './receive-event.ts';

/** For as long as a provider tells again by itself. */
const backMs = 3 * 86_400_000;
const overlapMs = 600_000;
const pagesMax = 50;

/**
 * Fetches what a provider has to tell and may have told nobody: webhooks that got
 * lost. Each is kept and applied as if it had been told; one that is known changes
 * nothing. After a start it goes three days back.
 */
export function catchUp(): Chore<BillingDeps> {
  let since: Date | undefined;
  return {
    name: 'catch-up-payments',
    everyMs: 300_000,
    afterMs: 10_000,
    async run({ db, deps, signal }) {
      const { payments, clock, pace } = deps;
      if (!payments) return;
      const begun = clock.now();
      const from = since ?? new Date(begun.getTime() - backMs);
      const account = { id: platformRef, tenant: nobody, externalId: null };
      let cursor: string | null = null;
      for (let pages = 0; pages < pagesMax; pages += 1) {
        signal.throwIfAborted();
        const call = { deadlineMs: pace.callMs, account, signal };
        const page = await payments.listEvents({ since: from, cursor }, call);
        if (page.kind !== 'done') return;
        for (const event of page.value.items) {
          const tenant = (await tenantOf(db, deps, platformRef, event)) ?? nobody;
          // What is nobody's here is another application's of the same account.
          if (tenant !== nobody) await keep(db, deps, tenant, event);
        }
        cursor = page.value.next;
        if (cursor === null) break;
      }
      since = new Date(begun.getTime() - overlapMs);
    },
  };
}
