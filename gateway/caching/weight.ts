/** About the bytes that a value made of JSON takes in memory. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return bytesPerValue + 2 * value.length;
  if (typeof value !== 'object' || value === null) return bytesPerValue;
  if (Array.isArray(value)) {
    return (value as unknown[]).reduce<number>((sum, one) => sum + weightOf(one), bytesPerObject);
  }
  return Object.values(value).reduce<number>((sum, one) => sum + weightOf(one), bytesPerObject);
}

const bytesPerValue = 16;
const bytesPerObject = 64;
