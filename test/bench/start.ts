import { startProduct } from '../support/product.ts';
import type { Finding } from './main.ts';

const rounds = 5;
const readyMsMax = 8_000;

/** How long it takes until the product answers: the first time, and with everything in place. */
export async function start(): Promise<readonly Finding[]> {
  const first = await timed();
  const warm: number[] = [];
  let { dataDir } = first;
  for (let round = 0; round < rounds; round += 1) {
    const again = await timed(dataDir);
    warm.push(again.ms);
    ({ dataDir } = again);
  }
  const last = await startProduct({ dataDir });
  await last.remove();
  warm.sort((a, b) => a - b);
  return [
    { name: 'ready, first start', value: Math.round(first.ms), unit: 'ms' },
    {
      name: 'ready, warm, median',
      value: Math.round(warm[Math.floor(warm.length / 2)] ?? NaN),
      unit: 'ms',
      ceiling: readyMsMax,
    },
    { name: 'ready, warm, slowest', value: Math.round(warm.at(-1) ?? NaN), unit: 'ms' },
  ];
}

async function timed(dataDir?: string): Promise<{ ms: number; dataDir: string }> {
  const begun = performance.now();
  const product = await startProduct(dataDir === undefined ? {} : { dataDir });
  const ms = performance.now() - begun;
  await product.end();
  return { ms, dataDir: product.dataDir };
}
