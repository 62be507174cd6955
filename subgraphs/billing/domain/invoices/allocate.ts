/**
 * Splits an amount over parts in proportion to their weights, to the last minor
 * unit: each part is within one of its exact share, and all add up to the whole.
 *
 * What rounding down leaves goes to the largest remainders, of equal ones to the
 * greater weight and then to the earlier part. Weights are not negative; without
 * any weight the first part takes all.
 */
export function allocate(wholeMinor: number, weights: readonly bigint[]): readonly number[] {
  if (weights.length === 0) return [];
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  if (total === 0n) return weights.map((_, index) => (index === 0 ? wholeMinor : 0));
  const sign = wholeMinor < 0 ? -1n : 1n;
  const whole = BigInt(wholeMinor) * sign;
  const parts = weights.map((weight, index) => ({
    ...{ index, weight },
    floor: (whole * weight) / total,
    remainder: (whole * weight) % total,
  }));
  const left = Number(whole - parts.reduce((sum, { floor }) => sum + floor, 0n));
  const favoured = new Set(
    [...parts]
      .sort(
        (a, b) =>
          descending(a.remainder, b.remainder) ||
          descending(a.weight, b.weight) ||
          a.index - b.index,
      )
      .slice(0, left)
      .map(({ index }) => index),
  );
  return parts.map(({ floor, index }) => {
    const size = floor + (favoured.has(index) ? 1n : 0n);
    return size === 0n ? 0 : Number(size * sign);
  });
}

function descending(a: bigint, b: bigint): number {
  return a > b ? -1 : a < b ? 1 : 0;
}
