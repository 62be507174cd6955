const factors: Readonly<Record<string, number>> = {
  '': 1,
  m: 0.001,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1_024,
  Mi: 1_024 ** 2,
  Gi: 1_024 ** 3,
  Ti: 1_024 ** 4,
};

/** Reads a quantity as Kubernetes writes it: `500m`, `256Mi`. NaN for what is none, or negative. */
export function quantity(text: string | undefined): number {
  const [, number = '', unit = '?'] = /^([0-9]+(?:[.][0-9]+)?)([A-Za-z]*)$/.exec(text ?? '') ?? [];
  return Number(number) * (factors[unit] ?? NaN);
}
