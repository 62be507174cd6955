import { ForgeError } from './errors.ts';

/** An amount in the minor unit of its currency: 1234 of USD is 12.34 dollars. Always an integer. */
export interface MoneyAmount {
  readonly amountMinor: number;
  readonly currency: string;
}

/** Makes an amount. Throws for a fraction of a minor unit, for more than is exact, and for no currency. */
export function money(amountMinor: number, currency: string): MoneyAmount {
  if (!Number.isSafeInteger(amountMinor)) {
    throw new ForgeError(
      'INTERNAL',
      `${String(amountMinor)} is not a whole number of minor units.`,
    );
  }
  if (!/^[A-Z]{3}$/.test(currency)) {
    throw new ForgeError('INTERNAL', `"${currency}" is not an ISO 4217 code.`);
  }
  return { amountMinor, currency };
}

export function add(a: MoneyAmount, b: MoneyAmount): MoneyAmount {
  return money(a.amountMinor + sameCurrency(a, b).amountMinor, a.currency);
}

export function subtract(a: MoneyAmount, b: MoneyAmount): MoneyAmount {
  return money(a.amountMinor - sameCurrency(a, b).amountMinor, a.currency);
}

/** Negative, zero or positive, as for sorting. Throws when the currencies differ. */
export function compare(a: MoneyAmount, b: MoneyAmount): number {
  return a.amountMinor - sameCurrency(a, b).amountMinor;
}

/** How many decimal places the major unit of a currency has (ISO 4217): 2 for USD, 0 for JPY. */
export function currencyExponent(currency: string): number {
  return numberFormat('en', currency).resolvedOptions().maximumFractionDigits ?? 2;
}

/** An amount as people of a locale write it. An unknown locale reads as English. */
export function formatMoney({ amountMinor, currency }: MoneyAmount, locale = 'en-US'): string {
  const exponent = currencyExponent(currency);
  const digits = String(Math.abs(amountMinor)).padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const fraction = exponent === 0 ? '' : `.${digits.slice(-exponent)}`;
  // A decimal text, not a float: formatting must not round what is exact.
  const decimal = `${amountMinor < 0 ? '-' : ''}${whole}${fraction}` as Intl.StringNumericLiteral;
  return numberFormat(locale, currency).format(decimal);
}

function sameCurrency(a: MoneyAmount, b: MoneyAmount): MoneyAmount {
  if (a.currency === b.currency) return b;
  throw new ForgeError('INTERNAL', `Amounts of ${a.currency} and ${b.currency} do not add up.`);
}

function numberFormat(locale: string, currency: string): Intl.NumberFormat {
  const options = { style: 'currency', currency } as const;
  try {
    return new Intl.NumberFormat([locale, 'en-US'], options);
  } catch {
    return new Intl.NumberFormat('en-US', options);
  }
}
