import type { Log } from '../../subgraphs/shared/log.ts';
import type { Subgraph } from '../supergraph/supergraph.ts';
import type { GatewayMetrics } from '../telemetry.ts';
import { ruleFor } from './rules.ts';
import type { SubgraphRules } from './rules.ts';
import { subgraphClient } from './subgraph-client.ts';
import type { SubgraphClient, SubgraphClientOptions, SubgraphEndpoint } from './subgraph-client.ts';
import { subgraphConnections } from './subgraph-http.ts';

/** The subgraphs of whatever supergraph is served. */
export interface SubgraphClients {
  /** Throws for a subgraph that nobody serves. */
  readonly clientOf: (subgraph: Subgraph) => SubgraphClient;
  /** Lets go of all others, once what is under way has had its time. */
  keepOnly(subgraphs: readonly Subgraph[], afterMs: number): void;
  close(): Promise<void>;
}

export interface SubgraphClientsOptions extends Omit<SubgraphClientOptions, 'rule'> {
  /** Subgraphs mounted in this process, by name; undefined speaks HTTP to the supergraph's URLs. */
  readonly endpoints: ReadonlyMap<string, SubgraphEndpoint> | undefined;
  readonly rules: SubgraphRules;
  readonly metrics: GatewayMetrics;
  readonly log: Log;
}

export function subgraphClients(options: SubgraphClientsOptions): SubgraphClients {
  const { endpoints, rules, metrics, log } = options;
  const connections = subgraphConnections((subgraph, isUp) => {
    metrics.subgraphUp(subgraph, isUp);
    log.warn(
      { subgraph },
      isUp ? 'a subgraph answers again' : 'a subgraph is given up for a while',
    );
  });
  return {
    clientOf(subgraph) {
      const { name } = subgraph;
      const link = endpoints ? endpoints.get(name) : connections.link(subgraph);
      if (!link) throw new Error(`The supergraph names a subgraph "${name}" nobody serves`);
      return subgraphClient(name, link, { ...options, rule: ruleFor(rules, name) });
    },
    keepOnly(subgraphs, afterMs) {
      connections.keepOnly(subgraphs, afterMs);
    },
    close: () => connections.close(),
  };
}
