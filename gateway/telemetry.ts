import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** What the gateway counts. Labels are closed sets: no tenant, no query text. */
export interface GatewayMetrics {
  operation(kind: string, outcome: 'ok' | 'errors', seconds: number): void;
  subgraphCall(subgraph: string, outcome: 'answered' | 'failed', seconds: number): void;
  /** A subgraph is given up for a while, or is back. */
  subgraphUp(subgraph: string, isUp: boolean): void;
  streamOpened(subgraph: string): void;
  streamClosed(subgraph: string): void;
  /** A stream of a subgraph, which any number of subscriptions read. */
  sourceOpened(subgraph: string): void;
  sourceClosed(subgraph: string): void;
  event(subgraph: string, readers: number): void;
  /** A result was lost to a reader that is too slow. */
  readonly dropped: () => void;
  /** What an operation was thought to cost, and what its answer did. */
  readonly cost: (cost: { readonly estimated: number; readonly actual: number }) => void;
  /** An operation was left to the stock executor. */
  fallback(): void;
  /** An operation came that is not on the list of operations. */
  readonly unlisted: (outcome: 'run' | 'refused') => void;
  /** Another supergraph came. */
  readonly reloaded: (outcome: 'served' | 'refused') => void;
}

/** Registers the gateway's metrics. Throws when the registry has them already. */
export function gatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const operations = new Histogram({
    name: 'forge_gateway_operation_seconds',
    help: 'Queries and mutations, from the text to the answer',
    labelNames: ['kind', 'outcome'],
    buckets,
    registers,
  });
  const fallbacks = new Counter({
    name: 'forge_gateway_fallbacks_total',
    help: 'Operations whose plan was run by the stock executor',
    registers,
  });
  const unlisted = new Counter({
    name: 'forge_gateway_unlisted_operations_total',
    help: 'Operations that are not on the list of operations',
    labelNames: ['outcome'],
    registers,
  });
  const reloads = new Counter({
    name: 'forge_gateway_supergraph_reloads_total',
    help: 'Supergraphs that came after the first',
    labelNames: ['outcome'],
    registers,
  });
  return {
    ...subgraphMetrics(registers),
    ...streamMetrics(registers),
    cost: costMetric(registry),
    operation(kind, outcome, seconds) {
      operations.observe({ kind, outcome }, seconds);
    },
    fallback() {
      fallbacks.inc();
    },
    unlisted(outcome) {
      unlisted.inc({ outcome });
    },
    reloaded(outcome) {
      reloads.inc({ outcome });
    },
  };
}

const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

function subgraphMetrics(
  registers: Registry[],
): Pick<GatewayMetrics, 'subgraphCall' | 'subgraphUp'> {
  const calls = new Histogram({
    name: 'forge_gateway_subgraph_call_seconds',
    help: 'Calls to subgraphs; opening a stream is a call',
    labelNames: ['subgraph', 'outcome'],
    buckets,
    registers,
  });
  const up = new Gauge({
    name: 'forge_gateway_subgraph_up',
    help: 'Whether a subgraph is asked: 0 while it does not answer',
    labelNames: ['subgraph'],
    registers,
  });
  const series = new Map<string, Histogram.Internal<'subgraph' | 'outcome'>>();
  return {
    subgraphCall(subgraph, outcome, seconds) {
      // Finding a series by its labels costs more than counting in it.
      const key = `${subgraph} ${outcome}`;
      const known = series.get(key) ?? calls.labels({ subgraph, outcome });
      series.set(key, known);
      known.observe(seconds);
    },
    subgraphUp(subgraph, isUp) {
      up.set({ subgraph }, isUp ? 1 : 0);
    },
  };
}

function streamMetrics(
  registers: Registry[],
): Pick<
  GatewayMetrics,
  'streamOpened' | 'streamClosed' | 'sourceOpened' | 'sourceClosed' | 'event' | 'dropped'
> {
  const streams = new Gauge({
    name: 'forge_gateway_streams_open',
    help: 'Subscriptions that are open, by the subgraph that sends their events',
    labelNames: ['subgraph'],
    registers,
  });
  const sources = new Gauge({
    name: 'forge_gateway_sources_open',
    help: 'Streams of subgraphs that are open; subscriptions that get the same share one',
    labelNames: ['subgraph'],
    registers,
  });
  const drops = new Counter({
    name: 'forge_gateway_events_dropped_total',
    help: 'Events that were lost to readers that are too slow, each told in extensions.gap',
    registers,
  });
  const events = new Counter({
    name: 'forge_gateway_events_total',
    help: 'Events delivered to subscribers',
    labelNames: ['subgraph'],
    registers,
  });
  return {
    streamOpened(subgraph) {
      streams.inc({ subgraph });
    },
    streamClosed(subgraph) {
      streams.dec({ subgraph });
    },
    sourceOpened(subgraph) {
      sources.inc({ subgraph });
    },
    sourceClosed(subgraph) {
      sources.dec({ subgraph });
    },
    event(subgraph, readers) {
      events.inc({ subgraph }, readers);
    },
    dropped() {
      drops.inc();
    },
  };
}

function costMetric(registry: Registry): GatewayMetrics['cost'] {
  const costs = new Histogram({
    name: 'forge_gateway_operation_cost',
    help: 'Cost of operations, estimated before they run and actual after',
    labelNames: ['kind'],
    buckets: [1, 10, 100, 1_000, 10_000, 100_000],
    registers: [registry],
  });
  return ({ estimated, actual }) => {
    costs.observe({ kind: 'estimated' }, estimated);
    costs.observe({ kind: 'actual' }, actual);
  };
}

/** Seconds since a moment of `performance.now()`. */
export function secondsSince(startedMs: number): number {
  return (performance.now() - startedMs) / 1_000;
}
