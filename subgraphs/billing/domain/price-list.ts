import { ForgeError } from '../../shared/errors.ts';

/**
 * What a second of a sandbox costs, from a moment on.
 *
 * Rates are whole micro-minor units (a millionth of a cent for USD), so that a
 * price too small for a cent is still an exact integer.
 */
export interface PriceList {
  readonly version: number;
  readonly currency: string;
  readonly effectiveFrom: Date;
  readonly vcpuSecondMicroMinor: number;
  readonly gibSecondMicroMinor: number;
  /** What an attempt that ran costs at least: work is never free by rounding. */
  readonly minimumMinor: number;
}

/**
 * Picks the list in force at a moment: the latest that has begun, and of two
 * that begin together the higher version. A moment before the first list is a
 * fault of the data, not a free ride.
 */
export function priceListAt(lists: readonly PriceList[], at: Date): PriceList {
  const inForce = lists
    .filter((list) => list.effectiveFrom.getTime() <= at.getTime())
    .sort(
      (a, b) => b.effectiveFrom.getTime() - a.effectiveFrom.getTime() || b.version - a.version,
    )[0];
  if (!inForce)
    throw new ForgeError('INTERNAL', `No price list is in force at ${at.toISOString()}.`);
  return inForce;
}
