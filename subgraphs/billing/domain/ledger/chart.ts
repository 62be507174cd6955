/** What kind of account it is, which says on which side it grows. */
export const accountKinds = [
  'ASSET',
  'LIABILITY',
  'EQUITY',
  'REVENUE',
  'EXPENSE',
  'CLEARING',
] as const;
export type AccountKind = (typeof accountKinds)[number];

export type Side = 'DEBIT' | 'CREDIT';

export interface AccountRule {
  readonly kind: AccountKind;
  /** The side on which it grows. Entries on it are negative for DEBIT, positive for CREDIT. */
  readonly normalSide: Side;
  /**
   * Over how many rows its balance is spread. Transactions that meet on an account
   * wait for each other row by row: what many of them touch at once has many rows,
   * and what a decision reads under a lock of its own has one.
   */
  readonly subAccounts: number;
  readonly means: string;
}

const hot = 16;

/**
 * The chart of accounts of a tenant, the same for all. An amount is positive
 * when it credits an account and negative when it debits it, so that the entries
 * of a transaction, and all accounts of a currency together, come to zero.
 */
export const chart = {
  credit: liability('What the tenant may still spend.', 1),
  held: liability('What is kept aside for attempts under way.', 1),
  funding: {
    kind: 'EQUITY',
    normalSide: 'DEBIT',
    subAccounts: 1,
    means: 'Where granted credit came from.',
  },
  revenue: income('What was earned.'),
  breakage: income('Credit that expired before it was spent.'),
  receivable: asset('What customers owe by open invoices.'),
  clearing: {
    kind: 'CLEARING',
    normalSide: 'DEBIT',
    subAccounts: hot,
    means: 'Payments under way: nothing is left of one that is settled, refunded or lost.',
  },
  cash: asset('What payment providers hold for the tenant.'),
  bank: asset('What providers have paid out.'),
  fees: expense('What providers kept for their work.'),
  refunds: expense('What was given back to customers.'),
  disputes: asset('What a provider has withdrawn while a dispute is open.'),
  losses: expense('Lost disputes and debts that were written off.'),
  tax: liability('Tax that was charged and is to be paid on.', hot),
  suspense: {
    kind: 'CLEARING',
    normalSide: 'DEBIT',
    subAccounts: 1,
    means: 'Money that cannot be explained yet: each has an open reconciliation break.',
  },
} as const satisfies Record<string, AccountRule>;

export type LedgerAccountCode = keyof typeof chart;
export const ledgerAccountCodes = Object.keys(chart) as readonly LedgerAccountCode[];

function asset(means: string): AccountRule {
  return { kind: 'ASSET', normalSide: 'DEBIT', subAccounts: hot, means };
}

function expense(means: string): AccountRule {
  return { kind: 'EXPENSE', normalSide: 'DEBIT', subAccounts: hot, means };
}

function income(means: string): AccountRule {
  return { kind: 'REVENUE', normalSide: 'CREDIT', subAccounts: hot, means };
}

function liability(means: string, subAccounts: number): AccountRule {
  return { kind: 'LIABILITY', normalSide: 'CREDIT', subAccounts, means };
}
