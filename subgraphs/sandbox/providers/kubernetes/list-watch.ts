import { ForgeError } from '../../../shared/errors.ts';
import { isAborted, sleep } from '../../../shared/time.ts';
import { backoffMs } from './backoff.ts';
import type { ClusterClient, Query } from './client.ts';
import { isStatus } from './cluster-error.ts';
import { bytesIn, inTime } from './quiet-guard.ts';
import { linesOf } from './json-lines.ts';

/** What every object of a cluster has. */
export interface Watched {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

export interface WatchChange<T> {
  readonly kind: 'added' | 'updated' | 'deleted';
  readonly object: T;
}

export interface ListWatchOptions {
  readonly path: string;
  readonly labelSelector: string;
  readonly pageSize?: number;
  /** A watch is ended by the server after this long, give or take a ninth. */
  readonly watchSeconds?: number;
  /** Longer than the server goes without a word: it bookmarks about every minute. */
  readonly quietMsMax?: number;
  readonly backoffFirstMs?: number;
  readonly backoffMsMax?: number;
  /** Told of everything that went wrong and was mended. */
  readonly onTrouble?: (error: unknown) => void;
}

/** The watch cannot go on from where it is: everything is listed again. */
class Relist extends Error {}

/**
 * Keeps all objects of a kind as the cluster has them, for as long as it is open.
 *
 * It lists in pages, then watches from there on. Whatever ends a watch, it goes
 * on from the last version it knows; when that is too old, or a part of what
 * was told could not be read, it lists again and tells what is different. It
 * never stops by itself. An object with another uid is another object: the
 * first one is told as deleted.
 */
export class ListWatch<T extends Watched> {
  readonly #client: ClusterClient;
  readonly #options: Required<Omit<ListWatchOptions, 'onTrouble'>>;
  readonly #onTrouble: (error: unknown) => void;
  readonly #objects = new Map<string, T>();
  readonly #listeners = new Set<(change: WatchChange<T>) => void>();
  readonly #over = new AbortController();
  readonly #listed = Promise.withResolvers<undefined>();
  readonly #done: Promise<void>;
  #version: string | undefined;
  #inStepAtMs = -Infinity;

  constructor(
    client: ClusterClient,
    { onTrouble = () => undefined, ...options }: ListWatchOptions,
  ) {
    this.#client = client;
    this.#onTrouble = onTrouble;
    this.#options = {
      pageSize: 500,
      watchSeconds: 270,
      quietMsMax: 90_000,
      backoffFirstMs: 500,
      backoffMsMax: 30_000,
      ...options,
    };
    this.#done = this.#run();
  }

  /** Comes back when everything has been listed once. */
  async ready(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const left = Promise.withResolvers<never>();
    const leave = (): void => {
      left.reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', leave, { once: true });
    try {
      await Promise.race([this.#listed.promise, left.promise]);
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  all(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Takes in an object that was told of elsewhere, until the watch tells of it. */
  learn(object: T): void {
    if (!this.#objects.has(keyOf(object))) this.#take(trimmed(object));
  }

  /** When the cluster last said something: what is here was true then, by the clock of `performance`. */
  get inStepAtMs(): number {
    return this.#inStepAtMs;
  }

  on(listener: (change: WatchChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#over.abort(new ForgeError('INTERNAL', 'The watch was closed.'));
    await this.#done;
    this.#listed.resolve(undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    const { backoffFirstMs: firstMs, backoffMsMax: maxMs } = this.#options;
    for (let failures = 0; !isAborted(signal);) {
      try {
        if (this.#version === undefined) await this.#list();
        const words = await this.#watch(this.#version ?? '', () => {
          failures = 0;
        });
        // A server that ends watches at once is in trouble, if politely.
        if (words === 0) throw new Error('the watch ended without a word');
      } catch (error) {
        if (isAborted(signal)) return;
        this.#onTrouble(error);
        if (error instanceof Relist || isStatus(error, 410)) this.#version = undefined;
        await sleep(backoffMs(failures, { firstMs, maxMs }), signal).catch(() => undefined);
        failures += 1;
      }
    }
  }

  async #list(): Promise<void> {
    const { path, labelSelector, pageSize } = this.#options;
    const found = new Map<string, T>();
    let version: string | undefined;
    for (let token: string | undefined; ;) {
      const query: Query = { labelSelector, limit: pageSize, continue: token };
      const { signal } = this.#over;
      const page = await this.#client.call<Page<T>>({ verb: 'get', path, query, signal });
      version = page.metadata.resourceVersion;
      for (const object of page.items) found.set(keyOf(object), trimmed(object));
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
      if (token === undefined) break;
    }
    for (const [key, object] of this.#objects) if (!found.has(key)) this.#drop(key, object);
    for (const object of found.values()) this.#take(object);
    this.#version = version;
    this.#inStepAtMs = performance.now();
    this.#listed.resolve(undefined);
  }

  async #watch(from: string, onWord: () => void): Promise<number> {
    const { path, labelSelector, watchSeconds, quietMsMax } = this.#options;
    const jitter = 1 + (Math.random() - 0.5) * (2 / 9);
    const query = {
      labelSelector,
      watch: true,
      resourceVersion: from,
      allowWatchBookmarks: true,
      timeoutSeconds: Math.max(1, Math.round(watchSeconds * jitter)),
    };
    const quiet = inTime(quietMsMax, this.#over.signal);
    let words = 0;
    try {
      const stream = await this.#client.open({ path, query, signal: quiet.signal });
      for await (const line of linesOf(bytesIn(stream, quiet))) {
        this.#apply(line);
        onWord();
        words += 1;
      }
      return words;
    } finally {
      quiet.stop();
    }
  }

  #apply(line: string): void {
    const { type, object } = parsed<T>(line);
    this.#inStepAtMs = performance.now();
    if (type === 'ERROR') throw new Relist(`the watch ended with ${line.slice(0, 300)}`);
    if (type === 'ADDED' || type === 'MODIFIED') this.#take(trimmed(object));
    else if (type === 'DELETED') {
      const known = this.#objects.get(keyOf(object));
      if (known?.metadata.uid === object.metadata.uid) this.#drop(keyOf(object), trimmed(object));
    } else if (type !== 'BOOKMARK') throw new Relist(`the watch told of a "${type}"`);
    this.#version = object.metadata.resourceVersion;
  }

  #take(object: T): void {
    const key = keyOf(object);
    const known = this.#objects.get(key);
    const { uid, resourceVersion } = object.metadata;
    if (known && known.metadata.uid !== uid) this.#drop(key, known);
    if (known?.metadata.uid === uid && known.metadata.resourceVersion === resourceVersion) return;
    this.#objects.set(key, object);
    this.#tell({ kind: known?.metadata.uid === uid ? 'updated' : 'added', object });
  }

  #drop(key: string, object: T): void {
    this.#objects.delete(key);
    this.#tell({ kind: 'deleted', object });
  }

  #tell(change: WatchChange<T>): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

interface Page<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

interface Event<T> {
  readonly type: string;
  readonly object: T;
}

/** A line that cannot be read may have been about anything: nothing is skipped. */
function parsed<T extends Watched>(line: string): Event<T> {
  try {
    const event = JSON.parse(line) as Event<T>;
    if (event.type === 'ERROR' || typeof event.object.metadata.resourceVersion === 'string') {
      return event;
    }
  } catch {
    // Told below, as any other thing that is no event.
  }
  throw new Relist(`the watch told something that is no event: ${line.slice(0, 300)}`);
}

function keyOf({ metadata }: Watched): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** Who set which field is half of an object and of no use here. */
function trimmed<T extends Watched>(object: T): T {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined } };
}
