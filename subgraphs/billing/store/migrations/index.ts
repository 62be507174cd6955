import type { MigrationClass } from '../../../shared/db.ts';
import { CreateAccounts } from './create-accounts.ts';
import { CreateInvoices } from './create-invoices.ts';
import { CreateMetering } from './create-metering.ts';
import { CreatePayments } from './create-payments.ts';
import { CreatePriceLists } from './create-price-lists.ts';
import { CreateUsage } from './create-usage.ts';
import { WidenLedger } from './widen-ledger.ts';

/** Every change to billing's tables, oldest first. A change that is out is never edited. */
export const migrations: readonly MigrationClass[] = [
  CreateAccounts,
  CreatePriceLists,
  CreateUsage,
  WidenLedger,
  CreateMetering,
  CreatePayments,
  CreateInvoices,
];
