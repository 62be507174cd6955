import DataLoader from 'dataloader';
import type { Context } from './context.ts';

/** A question that is asked for many keys at once. */
export interface Loader<Key, Value> {
  readonly name: string;
  // The context's dependencies are the subgraph's own; a loader is only used within its subgraph.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly read: (ctx: Context<any>, keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>;
}

/** Defines a question; `read` gives a map in which what does not exist is missing. */
export function defineLoader<Key, Value>(
  name: string,
  read: Loader<Key, Value>['read'],
): Loader<Key, Value> {
  return { name, read };
}

export type Load = <Key, Value>(loader: Loader<Key, Value>, key: Key) => Promise<Value | undefined>;

const keysMax = 500;

/**
 * Answers questions for one request, or for one event of a stream: all keys
 * asked for in one turn go into one query, and a key is asked for once.
 */
export function createLoad(context: () => Context): Load {
  const loaders = new Map<unknown, DataLoader<unknown, unknown>>();
  return <Key, Value>(loader: Loader<Key, Value>, key: Key) => {
    const known = loaders.get(loader) as DataLoader<Key, Value | undefined> | undefined;
    const made =
      known ??
      new DataLoader<Key, Value | undefined>(
        async (keys) => {
          const values = await loader.read(context(), keys);
          return keys.map((one) => values.get(one));
        },
        { maxBatchSize: keysMax },
      );
    if (!known) loaders.set(loader, made);
    return made.load(key);
  };
}
