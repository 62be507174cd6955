import type { Log } from '../subgraphs/shared/log.ts';
import type { CacheStats } from './caching/kept.ts';
import { operations as prepareOperations } from './operations/operation.ts';
import type { Operations, OperationsOptions } from './operations/operation.ts';
import { persistedOperations } from './operations/persisted.ts';
import type { PersistedOptions } from './operations/persisted.ts';
import type { ServedGraph, ServedGraphs } from './served-graphs.ts';
import { warm } from './warm.ts';

export interface StartOptions extends Omit<OperationsOptions, 'persisted'> {
  /** The list of operations, and what becomes of others; without it every text is run. */
  readonly persisted: Pick<PersistedOptions, 'mode' | 'manifest'> | undefined;
  /** How long a graph is made ready for what will be asked, before it is served. */
  readonly warmUpMs: number | undefined;
  readonly unlisted: PersistedOptions['unlisted'];
  readonly log: Log;
}

export interface StartedOperations {
  readonly operations: Operations;
  /** Plans what is going to be asked of a graph that nobody asks yet. */
  readonly makeReady: (graph: ServedGraph) => Promise<void>;
  /** Plans each newer list for the graph that is served. */
  follow(graphs: ServedGraphs): void;
  readonly caches: Readonly<Record<'documents' | 'registered', () => CacheStats>>;
  stop(): Promise<void>;
}

/** Starts the first stop of every operation, with the list of those that clients were built with. */
export async function startOperations(options: StartOptions): Promise<StartedOperations> {
  const { log, unlisted, warmUpMs = defaultWarmUpMs } = options;
  const persisted = await persistedOperations({
    ...{ mode: 'off', manifest: undefined, ...options.persisted, log, unlisted },
  });
  const operations = prepareOperations({ ...options, persisted });
  const makeReady = (graph: ServedGraph): Promise<void> => warm(graph, operations, warmUpMs);
  return {
    operations,
    makeReady,
    caches: { documents: () => operations.documents, registered: () => persisted.registered },
    follow(graphs) {
      persisted.list.onReplaced(() => {
        makeReady(graphs.current).catch((err: unknown) => {
          log.error({ err }, 'the new list of operations could not be planned');
        });
      });
    },
    stop: () => persisted.list.stop(),
  };
}

const defaultWarmUpMs = 10_000;
