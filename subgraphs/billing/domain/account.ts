import { money } from '../../shared/money.ts';
import type { MoneyAmount } from '../../shared/money.ts';

/** The currency of every account today. */
export const accountCurrency = 'USD';

/**
 * The credit a tenant starts with. Demo tenants get enough for a long
 * demonstration; every other tenant gets enough to try the product.
 */
export function openingCredit(tenant: string): MoneyAmount {
  return money(demoTenants.has(tenant) ? demoCreditMinor : defaultCreditMinor, accountCurrency);
}

/** A name to show until the tenant gives one: its id with a capital letter. */
export function accountName(tenant: string): string {
  return tenant.charAt(0).toUpperCase() + tenant.slice(1);
}

const demoTenants: ReadonlySet<string> = new Set(['acme', 'globex']);
const demoCreditMinor = 10_000_00;
const defaultCreditMinor = 100_00;
