import { tellingPolicy } from './caching/subgraph-headers.ts';
import { demandControl } from './demand/demand.ts';
import type { MeasuredCost } from './demand/demand.ts';
import { createExecutor } from './executor/executor.ts';
import { hardening } from './hardening/hardening.ts';
import type { HardeningOptions } from './hardening/hardening.ts';
import type { Limits } from './limits/limits.ts';
import type { ServedGraph } from './served-graphs.ts';
import type { SubgraphClient } from './subgraph-client/subgraph-client.ts';
import { createPlanner } from './supergraph/planner.ts';
import { loadSupergraph } from './supergraph/supergraph.ts';
import type { Subgraph } from './supergraph/supergraph.ts';

export interface GraphMakerOptions {
  /** Throws for a subgraph that nobody serves. */
  readonly clientOf: (subgraph: Subgraph) => SubgraphClient;
  /** Whether subgraphs say how long their answers may be kept. */
  readonly readsHeaders: boolean;
  readonly limits: Limits;
  readonly hardening: HardeningOptions | undefined;
  readonly tellCost: boolean;
  readonly measuredCost: (cost: MeasuredCost) => void;
}

/** Makes of a supergraph all that it takes to serve it. */
export function graphMaker(options: GraphMakerOptions): (composed: string) => ServedGraph {
  const { clientOf, limits, tellCost: isTold, measuredCost: measured } = options;
  return (composed) => {
    const loaded = loadSupergraph(composed);
    const demand = demandControl({ graph: loaded, limits, isTold, measured });
    const clients = new Map(loaded.subgraphs.map((one) => [one.name, clientOf(one)]));
    return {
      loaded,
      clients,
      hardening: hardening(loaded, { demand, ...options.hardening }),
      executor: createExecutor({
        ...{ ...loaded, ...createPlanner(loaded) },
        subgraphs: options.readsHeaders ? tellingPolicy(clients) : clients,
      }),
    };
  };
}
