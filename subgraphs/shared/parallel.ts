/** Works on all items, on at most `max` of them at a time. Begins no more after a failure, and throws it. */
export async function inParallel<T extends object | string>(
  items: readonly T[],
  max: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = [...items];
  const workers = Array.from({ length: Math.min(max, items.length) }, async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
      try {
        await work(item);
      } catch (cause) {
        rest.length = 0;
        throw cause;
      }
    }
  });
  await Promise.all(workers);
}
