/** How long to wait before trying again: at random up to a bound that doubles, so that many do not come at once. */
export function backoffMs(
  failures: number,
  { firstMs, maxMs }: { readonly firstMs: number; readonly maxMs: number },
): number {
  const bound = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 20));
  return Math.random() * bound;
}
