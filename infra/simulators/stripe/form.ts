/** Reads parameters as stripe-node writes them: `a[b][0]=c` of a form, or of a query. */
export function readForm(text: string): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const [first = '', ...rest] = name.split('[').map((part) => part.replace(']', ''));
    let place = root;
    let key = first;
    for (const part of rest) {
      const inner = Object.hasOwn(place, key) ? place[key] : {};
      Object.defineProperty(place, key, {
        value: inner,
        enumerable: true,
        writable: true,
        configurable: true,
      });
      place = inner as Record<string, unknown>;
      key = part === '' ? String(Object.keys(place).length) : part;
    }
    Object.defineProperty(place, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return withLists(root) as Record<string, unknown>;
}

function withLists(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, withLists(inner)] as const);
  const isList = entries.length > 0 && entries.every(([name], index) => name === String(index));
  return isList ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}
