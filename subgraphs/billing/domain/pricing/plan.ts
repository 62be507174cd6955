import type { BillingInterval } from './billing-period.ts';
import type { Price } from './price.ts';
import { priceProblem } from './price.ts';

/** One thing that a plan charges for. */
export interface Charge {
  /** Names it within the plan, on every invoice. */
  readonly key: string;
  readonly label: string;
  /** Whose quantity is charged; FLAT has none. */
  readonly meterId: string | null;
  readonly price: Price;
}

/** What a version of a plan says. It is never changed: another price is another version. */
export interface PlanTerms {
  readonly currency: string;
  readonly interval: BillingInterval;
  readonly intervalCount: number;
  readonly charges: readonly Charge[];
}

export interface PlanProblem {
  readonly field: string;
  readonly message: string;
}

const chargesMax = 50;
const intervalCountMax = 12;
const keyPattern = /^[a-z][a-z0-9]*([-_][a-z0-9]+)*$/;

/** Says everything that is wrong with the terms of a plan. */
export function planProblems({
  currency,
  intervalCount,
  charges,
}: PlanTerms): readonly PlanProblem[] {
  const problems: (PlanProblem | false)[] = [
    !/^[A-Z]{3}$/.test(currency) && { field: 'currency', message: 'must be an ISO 4217 code' },
    (!Number.isInteger(intervalCount) || intervalCount < 1 || intervalCount > intervalCountMax) && {
      field: 'intervalCount',
      message: `must be from 1 to ${String(intervalCountMax)}`,
    },
    (charges.length === 0 || charges.length > chargesMax) && {
      field: 'charges',
      message: `must be 1 to ${String(chargesMax)}`,
    },
    new Set(charges.map(({ key }) => key)).size !== charges.length && {
      field: 'charges',
      message: 'must have a key each',
    },
    ...charges.map((charge, index) => {
      const message = chargeProblem(charge);
      return message !== undefined && { field: `charges.${String(index)}`, message };
    }),
  ];
  return problems.filter((problem) => problem !== false);
}

function chargeProblem({ key, label, meterId, price }: Charge): string | undefined {
  if (!keyPattern.test(key) || key.length > 64) return 'has a key of lower-case words';
  if (label === '' || label.length > 200 || !label.isWellFormed() || label.includes('\u0000')) {
    return 'has a label of 1 to 200 characters';
  }
  if ((meterId === null) !== (price.kind === 'FLAT')) {
    return 'has a meter, unless its price is flat';
  }
  return priceProblem(price);
}
