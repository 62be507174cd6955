import { createTokenVerifier } from '../shared/auth.ts';
import type { Config } from '../shared/config.ts';
import type { Kernel, Subgraph } from '../shared/host.ts';
import { Job, JobCostResolver, jobReference } from './graph/job.ts';
import { LedgerAccountResolver } from './graph/ledger/ledger-account.ts';
import { LedgerTransactionResolver } from './graph/ledger/ledger-transaction.ts';
import { TrialBalanceResolver } from './graph/ledger/trial-balance.ts';
import { AmendUsageEventResolver } from './graph/metering/amend-usage-event.ts';
import { IngestUsageEventsResolver } from './graph/metering/ingest-usage-events.ts';
import { MeterResolver } from './graph/metering/meter.ts';
import { UsageEventResolver } from './graph/metering/usage-event.ts';
import { usageRoute } from './graph/metering/usage-route.ts';
import { UsageUpdatedResolver } from './graph/metering/usage-updated.ts';
import { UsageResolver } from './graph/metering/usage.ts';
import { PriceListResolver } from './graph/price-list.ts';
import { TenantResolver, tenantReference } from './graph/tenant.ts';
import { AccountRow } from './store/accounts.ts';
import { ChargeRow } from './store/charges.ts';
import { HoldRow } from './store/holds.ts';
import { LedgerAccountRow, LedgerEntryRow, LedgerTransactionRow } from './store/ledger/rows.ts';
import { MeterRow, UsageAmendmentRow, UsageEventRow } from './store/metering/rows.ts';
import { migrations } from './store/migrations/index.ts';
import { PriceListRow } from './store/price-lists.ts';
import { UsageFactRow } from './store/usage-facts.ts';
import type { BillingDeps } from './workflows/deps.ts';
import { onHoldUnneeded, onJobSubmitted } from './workflows/hold-credit.ts';
import { onAttemptFinished } from './workflows/settle-attempt.ts';

/** Billing: credit, holds, usage and its cost. */
export function billing(
  config: Config,
  kernel: Pick<Kernel, 'clock' | 'keys' | 'log'>,
): Subgraph<BillingDeps> {
  return {
    name: 'billing',
    resolvers: [
      JobCostResolver,
      TenantResolver,
      PriceListResolver,
      LedgerAccountResolver,
      LedgerTransactionResolver,
      TrialBalanceResolver,
      MeterResolver,
      UsageResolver,
      UsageEventResolver,
      UsageUpdatedResolver,
      IngestUsageEventsResolver,
      AmendUsageEventResolver,
    ],
    orphanedTypes: [Job],
    references: { Job: jobReference, Tenant: tenantReference },
    entities: [
      AccountRow,
      LedgerAccountRow,
      LedgerTransactionRow,
      LedgerEntryRow,
      HoldRow,
      UsageFactRow,
      ChargeRow,
      PriceListRow,
      MeterRow,
      UsageEventRow,
      UsageAmendmentRow,
    ],
    migrations,
    workflows: [],
    consumers: [onJobSubmitted, onHoldUnneeded, onAttemptFinished],
    deps: { clock: kernel.clock },
    routes: (db) => [
      usageRoute({
        ...{ db, clock: kernel.clock, log: kernel.log },
        verifyToken: createTokenVerifier(config.auth, kernel.keys),
      }),
    ],
  };
}
