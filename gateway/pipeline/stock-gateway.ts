import process from 'node:process';
import { ApolloGateway } from '@apollo/gateway';
import type { Log } from '../../subgraphs/shared/log.ts';
import { apolloLogger } from '../apollo-logger.ts';
import { planCheck } from '../hardening/plan-check.ts';
import type { ServedGraphs } from '../served-graphs.ts';
import { dataSource } from '../subgraph-client/data-source.ts';

/**
 * Makes an ApolloGateway that reports nothing, over the supergraph that is served.
 *
 * Its constructor starts an exporter of metrics to Apollo, and looks for the
 * metadata service of four clouds, unless this variable of the process is set
 * at that moment; there is no option for it.
 */
export function stockGateway(graphs: ServedGraphs, log: Log): ApolloGateway {
  const { env } = process;
  const name = 'APOLLO_TELEMETRY_DISABLED';
  const checkPlan = planCheck();
  const before = env[name];
  env[name] = 'true';
  try {
    return new ApolloGateway({
      supergraphSdl({ update }) {
        graphs.onReplaced(({ loaded }) => {
          update(loaded.sdl);
        });
        return Promise.resolve({ supergraphSdl: graphs.current.loaded.sdl });
      },
      logger: apolloLogger(log),
      __exposeQueryPlanExperimental: false,
      experimental_didResolveQueryPlan: ({ queryPlan, operationContext }) => {
        const { operation, fragments } = operationContext;
        checkPlan(queryPlan, operation, new Map(Object.entries(fragments)));
      },
      buildService: ({ name: subgraph }) => dataSource(subgraph, graphs),
    });
  } finally {
    if (before === undefined) Reflect.deleteProperty(env, name);
    else env[name] = before;
  }
}
