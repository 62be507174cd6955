/** Works on all items, on at most `max` of them at a time. Throws the first failure, after it starts no more. */
export async function inParallel<T>(
  items: readonly T[],
  max: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const workers = Array.from({ length: Math.min(max, items.length) }, async () => {
    for (const item of rest) await work(item);
  });
  await Promise.all(workers);
}
