import { Agent, Pool } from 'undici';
import { retryBudget } from '../../subgraphs/shared/retry-budget.ts';
import type { Subgraph } from '../supergraph/supergraph.ts';
import { breaker } from './breaker.ts';
import { call } from './http-call.ts';
import { openEvents } from './http-events.ts';
import { retrying } from './http-retry.ts';
import type { GraphRequest, SubgraphLink } from './subgraph-client.ts';

/** The connections to subgraphs behind HTTP, shared by all of them. */
export interface SubgraphConnections {
  link(subgraph: Subgraph): SubgraphLink;
  /** Lets go of all others, once what is under way has had its time. */
  keepOnly(subgraphs: readonly Subgraph[], afterMs: number): void;
  close(): Promise<void>;
}

/** What is kept of a subgraph while supergraphs come and go. */
interface Connection {
  readonly pool: Pool;
  readonly link: SubgraphLink;
}

/**
 * Reaches subgraphs by HTTP: operations as JSON, subscriptions as a stream of
 * server-sent events.
 *
 * A query whose connection failed is sent again, since asking twice changes
 * nothing. A mutation never is: it may have taken effect. A subgraph that goes
 * on not answering is not asked for a while; `onChange` is told of that.
 */
export function subgraphConnections(
  onChange: (name: string, isUp: boolean) => void,
): SubgraphConnections {
  const connections = new Map<string, Connection>();
  const streams = new Agent({ connections: null, connect: { timeout: connectTimeoutMs } });
  return {
    link(subgraph) {
      const key = keyOf(subgraph);
      const known = connections.get(key) ?? connection(subgraph, streams, onChange);
      connections.set(key, known);
      return known.link;
    },
    keepOnly(subgraphs, afterMs) {
      const kept = new Set(subgraphs.map(keyOf));
      for (const [key, { pool }] of connections) {
        if (kept.has(key)) continue;
        connections.delete(key);
        setTimeout(() => void pool.destroy(), afterMs).unref();
      }
    },
    async close() {
      const pools = [...connections.values()].map(({ pool }) => pool);
      await Promise.all([...pools, streams].map((one) => one.destroy()));
    },
  };
}

/** Subgraphs at one address have connections of their own: one that is slow holds up itself. */
function keyOf({ name, url }: Subgraph): string {
  return `${name} ${url}`;
}

const connectionsPerSubgraphMax = 64;
const connectTimeoutMs = 3_000;
const responseBytesMax = 64 * 1_048_576;

function connection(
  subgraph: Subgraph,
  streams: Agent,
  onChange: (name: string, isUp: boolean) => void,
): Connection {
  const { name } = subgraph;
  const url = new URL(subgraph.url);
  const pool = new Pool(url.origin, {
    connections: connectionsPerSubgraphMax,
    maxResponseSize: responseBytesMax,
    connect: { timeout: connectTimeoutMs },
  });
  const circuit = breaker(name, (isUp) => {
    onChange(name, isUp);
  });
  const budget = retryBudget();
  const path = url.pathname + url.search;
  const link: SubgraphLink = {
    execute: (request, headers, signal) =>
      circuit.guard(
        () =>
          retrying(isQuery(request) ? budget : undefined, signal, () =>
            call(pool, name, path, request, headers, signal),
          ),
        signal,
      ),
    subscribe: (request, headers, signal) =>
      circuit.guard(() => openEvents(streams, name, url, request, headers, signal), signal),
  };
  return { pool, link };
}

function isQuery({ query }: GraphRequest): boolean {
  return !/^\s*mutation\b/.test(query);
}
