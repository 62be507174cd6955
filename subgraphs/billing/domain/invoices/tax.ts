import { decimal, isDecimal, rounded } from '../pricing/decimal.ts';
import { allocate } from './allocate.ts';

/** What a tax calculator is told of a line. */
export interface TaxableLine {
  readonly amountMinor: number;
}

/** Where the customer is taxed, as far as it is known. */
export interface TaxPlace {
  /** ISO 3166-1 alpha-2. */
  readonly country: string | null;
}

export interface Tax {
  readonly name: string;
  readonly percent: string;
  /** For each line, in their order. */
  readonly amountsMinor: readonly number[];
}

/** Says which taxes lines carry. A tax service is another implementation of this. */
export type TaxCalculator = (lines: readonly TaxableLine[], place: TaxPlace) => readonly Tax[];

export interface TaxRate {
  readonly country: string;
  readonly name: string;
  readonly percent: string;
}

/**
 * Taxes by a table of rates, on top of prices. A tax is worked out on all lines
 * together, rounded once, and split over them so that nothing is lost: what was
 * taken back carries its tax back.
 */
export function taxByRates(rates: readonly TaxRate[]): TaxCalculator {
  return (lines, { country }) =>
    rates
      .filter((rate) => rate.country === country)
      .map(({ name, percent }) => ({ name, percent, amountsMinor: amountsOf(lines, percent) }));
}

function amountsOf(lines: readonly TaxableLine[], percent: string): readonly number[] {
  const charged = lines.map(({ amountMinor }) => BigInt(Math.max(amountMinor, 0)));
  const returned = lines.map(({ amountMinor }) => BigInt(Math.max(-amountMinor, 0)));
  const [plus, minus] = [charged, returned].map((weights) =>
    allocate(
      taxOn(
        weights.reduce((sum, weight) => sum + weight, 0n),
        percent,
      ),
      weights,
    ),
  );
  return lines.map((_, index) => (plus?.[index] ?? 0) - (minus?.[index] ?? 0));
}

function taxOn(amount: bigint, percent: string): number {
  const { units, scale } = decimal(percent);
  return rounded({ units: amount * units, scale: scale + 2 });
}

/** Says what is wrong with a rate. */
export function taxRateProblem({ country, name, percent }: TaxRate): string | undefined {
  if (!/^[A-Z]{2}$/.test(country)) return '"country" must be an ISO 3166-1 code of two letters.';
  if (name === '' || name.length > 100) return '"name" must have 1 to 100 characters.';
  if (!isDecimal(percent) || decimal(percent).units < 0n) return '"percent" must be a decimal.';
  return undefined;
}
