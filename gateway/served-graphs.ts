import type { GraphQLSchema } from 'graphql';
import type { Log } from '../subgraphs/shared/log.ts';
import type { Executor } from './executor/executor.ts';
import type { Hardening } from './hardening/hardening.ts';
import type { SubgraphClient } from './subgraph-client/subgraph-client.ts';
import type { SupergraphSource } from './supergraph/source.ts';
import type { LoadedSupergraph } from './supergraph/supergraph.ts';

/** A supergraph and all that is made of it; replaced as one. */
export interface ServedGraph {
  readonly loaded: LoadedSupergraph;
  readonly hardening: Hardening;
  readonly executor: Executor;
  readonly clients: ReadonlyMap<string, SubgraphClient>;
}

export interface ServedGraphs {
  /** What new operations run on. */
  readonly current: ServedGraph;
  /** What an operation was validated for: it runs to its end on that. */
  of(schema: GraphQLSchema): ServedGraph;
  /** Is called at once, before any operation runs on the new graph. */
  onReplaced(listener: (next: ServedGraph) => void): void;
  stop(): Promise<void>;
}

export interface ServedGraphsOptions {
  readonly source: SupergraphSource;
  /** Throws for a supergraph that cannot be run. */
  readonly make: (composed: string) => ServedGraph;
  /** Prepares what will be asked of a graph, before it is asked. */
  readonly warm: (graph: ServedGraph) => Promise<void>;
  readonly reloaded: (outcome: 'served' | 'refused') => void;
  readonly log: Log;
}

/**
 * Serves the supergraph of a source, and each newer one in place of the last.
 *
 * A newer one is made and warmed beside the one in use, which goes on answering;
 * then they change places within one turn of the event loop. One that cannot be
 * run is refused, and told in the log: the last good one stays. Of several that
 * come while one is being made only the newest is served.
 */
export async function servedGraphs(options: ServedGraphsOptions): Promise<ServedGraphs> {
  const { source, make, warm, reloaded, log } = options;
  const listeners: ((next: ServedGraph) => void)[] = [];
  const bySchema = new WeakMap<GraphQLSchema, ServedGraph>();
  let newest: string | undefined;
  let replacing: Promise<void> | undefined;

  const replace = async (): Promise<void> => {
    while (newest !== undefined) {
      const composed = newest;
      newest = undefined;
      try {
        const next = make(composed);
        await warm(next);
        serve(next);
        reloaded('served');
        log.info({ subgraphs: [...next.clients.keys()] }, 'a new supergraph is served');
      } catch (err) {
        reloaded('refused');
        log.error({ err }, 'a new supergraph was refused, the last one stays in use');
      }
    }
    replacing = undefined;
  };
  const serve = (next: ServedGraph): void => {
    const before = current;
    current = next;
    bySchema.set(next.loaded.schema, next);
    try {
      for (const listener of listeners) listener(next);
    } catch (cause) {
      current = before;
      for (const listener of listeners) listener(before);
      throw cause;
    }
  };

  let current = make(
    await source.start((composed) => {
      newest = composed;
      replacing ??= replace();
    }),
  );
  bySchema.set(current.loaded.schema, current);
  await warm(current);
  return {
    get current() {
      return current;
    },
    of: (schema) => bySchema.get(schema) ?? current,
    onReplaced(listener) {
      listeners.push(listener);
    },
    async stop() {
      await source.stop();
      newest = undefined;
      await replacing;
    },
  };
}
