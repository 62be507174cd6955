import type { Config } from '../shared/config.ts';
import type { Kernel, Subgraph } from '../shared/host.ts';
import { Job, JobCostResolver, jobReference } from './graph/job.ts';
import { LedgerAccountResolver } from './graph/ledger/ledger-account.ts';
import { LedgerTransactionResolver } from './graph/ledger/ledger-transaction.ts';
import { TrialBalanceResolver } from './graph/ledger/trial-balance.ts';
import { PriceListResolver } from './graph/price-list.ts';
import { TenantResolver, tenantReference } from './graph/tenant.ts';
import { AccountRow } from './store/accounts.ts';
import { ChargeRow } from './store/charges.ts';
import { HoldRow } from './store/holds.ts';
import { LedgerAccountRow, LedgerEntryRow, LedgerTransactionRow } from './store/ledger/rows.ts';
import { migrations } from './store/migrations/index.ts';
import { PriceListRow } from './store/price-lists.ts';
import { UsageFactRow } from './store/usage-facts.ts';
import type { BillingDeps } from './workflows/deps.ts';
import { onHoldUnneeded, onJobSubmitted } from './workflows/hold-credit.ts';
import { onAttemptFinished } from './workflows/settle-attempt.ts';

/** Billing: credit, holds, usage and its cost. */
export function billing(_config: Config, kernel: Pick<Kernel, 'clock'>): Subgraph<BillingDeps> {
  return {
    name: 'billing',
    resolvers: [
      JobCostResolver,
      TenantResolver,
      PriceListResolver,
      LedgerAccountResolver,
      LedgerTransactionResolver,
      TrialBalanceResolver,
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
    ],
    migrations,
    workflows: [],
    consumers: [onJobSubmitted, onHoldUnneeded, onAttemptFinished],
    deps: { clock: kernel.clock },
  };
}
