import { createTokenVerifier } from '../shared/auth.ts';
import type { Config } from '../shared/config.ts';
import type { Database } from '../shared/db.ts';
import type { Kernel, Subgraph } from '../shared/host.ts';
import type { HttpRoute } from '../shared/subgraph-server.ts';
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
import { CreatePaymentResolver } from './graph/payments/create-payment.ts';
import { CreateRefundResolver } from './graph/payments/create-refund.ts';
import { MovePaymentResolver } from './graph/payments/move-payment.ts';
import { PaymentUpdatedResolver } from './graph/payments/payment-updated.ts';
import {
  DisputeResolver,
  paymentReferences,
  PaymentResolver,
  PaymentsResolver,
  RefundResolver,
} from './graph/payments/payments.ts';
import { webhookRoute } from './graph/payments/webhook-route.ts';
import { InvoiceResolver } from './graph/invoices/invoice.ts';
import { MoveInvoiceResolver } from './graph/invoices/move-invoice.ts';
import { TaxRateResolver } from './graph/invoices/tax-rate.ts';
import { PlanResolver } from './graph/pricing/plan.ts';
import { SubscribeResolver } from './graph/pricing/subscribe.ts';
import { SubscriptionResolver } from './graph/pricing/subscription.ts';
import { PriceListResolver } from './graph/price-list.ts';
import { TenantResolver, tenantReference } from './graph/tenant.ts';
import type { PaymentProvider } from './providers/payments.ts';
import { stripeProvider } from './providers/stripe/stripe.ts';
import { AccountRow } from './store/accounts.ts';
import { ChargeRow } from './store/charges.ts';
import { HoldRow } from './store/holds.ts';
import { LedgerAccountRow, LedgerEntryRow, LedgerTransactionRow } from './store/ledger/rows.ts';
import { InvoiceLineRow, InvoiceRow, TaxRateRow } from './store/invoices/rows.ts';
import {
  PlanRow,
  PlanVersionRow,
  SubscriptionPhaseRow,
  SubscriptionRow,
} from './store/pricing/rows.ts';
import { MeterRow, UsageAmendmentRow, UsageEventRow } from './store/metering/rows.ts';
import { migrations } from './store/migrations/index.ts';
import { paymentEntities } from './store/payments/rows.ts';
import { PriceListRow } from './store/price-lists.ts';
import { UsageFactRow } from './store/usage-facts.ts';
import type { BillingDeps } from './workflows/deps.ts';
import { standardPaymentPace } from './workflows/deps.ts';
import { billPeriods } from './workflows/bill-periods.ts';
import { onHoldUnneeded, onJobSubmitted } from './workflows/hold-credit.ts';
import { adoptEvents } from './workflows/payments/adopt-events.ts';
import { applyEvent } from './workflows/payments/apply-event.ts';
import { askProvider } from './workflows/payments/ask-provider.ts';
import { catchUp } from './workflows/payments/catch-up.ts';
import { onAttemptFinished } from './workflows/settle-attempt.ts';

/** Billing: credit, holds, usage and its cost; payments, refunds and disputes; plans and invoices. */
export function billing(
  config: Config,
  kernel: Pick<Kernel, 'clock' | 'keys' | 'log'>,
  payments: PaymentProvider | undefined = providerOf(config),
): Subgraph<BillingDeps> {
  const deps: BillingDeps = { clock: kernel.clock, payments, pace: standardPaymentPace };
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
      PaymentsResolver,
      PaymentResolver,
      RefundResolver,
      DisputeResolver,
      CreatePaymentResolver,
      MovePaymentResolver,
      CreateRefundResolver,
      PaymentUpdatedResolver,
      ...[PlanResolver, SubscriptionResolver, SubscribeResolver],
      ...[InvoiceResolver, MoveInvoiceResolver, TaxRateResolver],
    ],
    orphanedTypes: [Job],
    references: { Job: jobReference, Tenant: tenantReference, ...paymentReferences },
    entities: [
      ...[AccountRow, LedgerAccountRow, LedgerTransactionRow, LedgerEntryRow],
      HoldRow,
      UsageFactRow,
      ChargeRow,
      PriceListRow,
      MeterRow,
      UsageEventRow,
      UsageAmendmentRow,
      ...paymentEntities,
      ...[PlanRow, PlanVersionRow, SubscriptionRow, SubscriptionPhaseRow],
      ...[InvoiceRow, InvoiceLineRow, TaxRateRow],
    ],
    migrations,
    workflows: [askProvider, applyEvent],
    consumers: [onJobSubmitted, onHoldUnneeded, onAttemptFinished],
    chores: [adoptEvents, catchUp(), billPeriods],
    notes: () => Promise.resolve(notesOf(config, payments)),
    deps,
    routes: (db) => routesOf(db, config, kernel, deps),
    close: () => payments?.close() ?? Promise.resolve(),
  };
}

function routesOf(
  db: Database,
  config: Config,
  { clock, log, keys }: Pick<Kernel, 'clock' | 'keys' | 'log'>,
  deps: BillingDeps,
): readonly HttpRoute[] {
  const verifyToken = createTokenVerifier(config.auth, keys);
  return [usageRoute({ db, clock, log, verifyToken }), webhookRoute({ db, deps, log })];
}

function providerOf({ stripe }: Pick<Config, 'stripe'>): PaymentProvider | undefined {
  const { secretKey, webhookSecrets, clientId, baseUrl } = stripe;
  if (secretKey === undefined) return undefined;
  return stripeProvider({ secretKey, webhookSecrets, clientId, baseUrl });
}

function notesOf(
  { stripe }: Pick<Config, 'stripe'>,
  payments: PaymentProvider | undefined,
): readonly string[] {
  if (!payments) return ['payments are refused: STRIPE_SECRET_KEY is not set'];
  if (stripe.baseUrl !== undefined) return [];
  return [
    `payments go to Stripe, ${payments.mode === 'LIVE' ? 'and money moves' : 'in test mode'}`,
  ];
}
