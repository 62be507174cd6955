import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { CacheStats } from './kept.ts';

/** Shows how full each cache is and how often it had what was looked for; reads them when asked. */
export function cacheMetrics(
  registry: Registry,
  caches: Readonly<Record<string, () => CacheStats>>,
): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: (stats: CacheStats) => number): void => {
    new Gauge({
      ...{ name, help, labelNames: ['cache'], registers },
      collect() {
        for (const [cache, stats] of Object.entries(caches)) this.set({ cache }, value(stats()));
      },
    });
  };
  gauge('forge_gateway_cache_bytes', 'About what a cache holds', ({ bytes }) => bytes);
  gauge('forge_gateway_cache_entries', 'Things in a cache', ({ entries }) => entries);
  new Counter({
    name: 'forge_gateway_cache_lookups_total',
    help: 'What was looked for in a cache',
    labelNames: ['cache', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const [cache, stats] of Object.entries(caches)) {
        const { hits, misses } = stats();
        this.inc({ cache, outcome: 'hit' }, hits);
        this.inc({ cache, outcome: 'miss' }, misses);
      }
    },
  });
}
