import { ForgeError } from '../../../shared/errors.ts';

/** An exact decimal number: `units` counted in 10^-scale. Floats never touch money or quantities. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const pattern = /^(-?)(\d{1,40})(?:\.(\d{1,24}))?$/;

/** Whether a text is a decimal that can be computed with. */
export function isDecimal(text: string): boolean {
  return pattern.test(text);
}

/** Reads a decimal as people and JSON write it, such as `-12.50`. */
export function decimal(text: string): Decimal {
  const [, sign = '', whole = '', fraction = ''] = pattern.exec(text) ?? [];
  if (whole === '') throw new ForgeError('INTERNAL', `"${text}" is not a decimal.`);
  return { units: BigInt(`${sign}${whole}${fraction}`), scale: fraction.length };
}

export const zero: Decimal = { units: 0n, scale: 0 };

export function plus(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: unitsAt(a, scale) + unitsAt(b, scale), scale };
}

export function minus(a: Decimal, b: Decimal): Decimal {
  return plus(a, { units: -b.units, scale: b.scale });
}

export function times(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

/** Negative, zero or positive, as for sorting. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const { units } = minus(a, b);
  return units < 0n ? -1 : units > 0n ? 1 : 0;
}

export function smaller(a: Decimal, b: Decimal): Decimal {
  return compareDecimals(a, b) <= 0 ? a : b;
}

export function larger(a: Decimal, b: Decimal): Decimal {
  return compareDecimals(a, b) >= 0 ? a : b;
}

/** How many times `size` goes into `a`, a part counting as a whole; nothing for what is not positive. */
export function wholesIn(a: Decimal, size: Decimal): bigint {
  if (a.units <= 0n) return 0n;
  const scale = Math.max(a.scale, size.scale);
  const of = unitsAt(size, scale);
  return (unitsAt(a, scale) + of - 1n) / of;
}

/** Multiplies by a fraction, kept to 24 places: far finer than any money. */
export function share(a: Decimal, part: bigint, whole: bigint): Decimal {
  const scale = a.scale + 24;
  return { units: (unitsAt(a, scale) * part) / whole, scale };
}

/**
 * The nearest whole number, halves away from zero, so that what is taken back is
 * rounded as what was charged.
 */
export function rounded({ units, scale }: Decimal): number {
  const unit = 10n ** BigInt(scale);
  const size = units < 0n ? -units : units;
  const whole = (2n * size + unit) / (2n * unit);
  if (whole > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ForgeError('INTERNAL', 'An amount is larger than money can be.');
  }
  return units < 0n && whole > 0n ? -Number(whole) : Number(whole);
}

/** Written out without zeros that say nothing. */
export function decimalText({ units, scale }: Decimal): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale === 0 ? '' : digits.slice(-scale).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function unitsAt({ units, scale }: Decimal, wanted: number): bigint {
  return units * 10n ** BigInt(wanted - scale);
}
