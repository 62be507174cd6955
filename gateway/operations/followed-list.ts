import { ConfigError } from '../../subgraphs/shared/config.ts';
import type { Log } from '../../subgraphs/shared/log.ts';
import type { TextSource } from '../watched-file.ts';
import type { OperationList } from './operation-list.ts';
import { noOperations, readManifest } from './operation-list.ts';

export interface FollowedList {
  readonly current: OperationList;
  /** Is called after another list has come into use. */
  onReplaced(listener: () => void): void;
  stop(): Promise<void>;
}

/**
 * The list of operations of a manifest, and each newer one in the place of the
 * last as a whole. One that cannot be used is told in the log and changes
 * nothing; at the start it throws a ConfigError. Without a manifest the list is
 * empty.
 */
export async function followedList(
  manifest: TextSource | undefined,
  log: Log,
): Promise<FollowedList> {
  const listeners: (() => void)[] = [];
  let current = noOperations;
  let reading: Promise<void> = Promise.resolve();
  const take = async (text: string): Promise<void> => {
    try {
      current = await readManifest(text);
      log.info({ operations: current.bodies.length }, 'a new list of operations is in use');
      for (const listener of listeners) listener();
    } catch (err) {
      log.error({ err }, 'a new list of operations was refused, the last one stays in use');
    }
  };
  const begin = async (): Promise<void> => {
    const first = await manifest?.start((text) => {
      reading = reading.then(() => take(text));
    });
    if (first !== undefined) current = await readManifest(first);
  };
  await begin().catch((cause: unknown) => {
    throw new ConfigError([`The list of operations: ${String(cause)}.`]);
  });
  return {
    get current() {
      return current;
    },
    onReplaced(listener) {
      listeners.push(listener);
    },
    async stop() {
      await manifest?.stop();
      await reading;
    },
  };
}
