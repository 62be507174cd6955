import { createHash, randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import type { Log } from './log.ts';
import { isAborted, sleep } from './time.ts';

/**
 * Tells waiters, in this process and in others, that there may be something
 * new to read.
 *
 * A wake-up carries no data and may be lost or doubled: whoever is woken reads
 * the tables, and looks there by itself every `pollMs` as well.
 */
export interface Wakeups {
  /** Wakes everybody who waits for one of these topics. Called after the commit of what is new. */
  wake(topics: Iterable<string>): void;
  /** Calls back on each wake-up of a topic, until the returned function is called. */
  on(topic: string, callback: () => void): () => void;
  close(): Promise<void>;
}

/** How long a waiter goes without looking, at most. */
export const pollMs = 2_000;

const channel = 'forge_wake';
const coalesceMs = 20;
/** Postgres refuses 8,000 bytes. A topic is 11 characters with its comma. */
const topicsPerNotifyMax = 700;
const reconnectMsMax = 2_000;

/**
 * Wake-ups over one connection of the process, which listens and sends: a NOTIFY
 * inside the transaction would hold every commit of the database in one line.
 * Those of one process within 20 ms travel together.
 */
export function wakeups(connect: () => Promise<Client>, log: Log): Wakeups {
  const local = new Map<string, Set<() => void>>();
  const stopping = new AbortController();
  const sender = randomUUID().slice(0, 8);
  const unsent = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let client: Client | undefined;

  const ring = (hash: string): void => {
    for (const callback of [...(local.get(hash) ?? [])]) callback();
  };
  const send = (): void => {
    timer = undefined;
    const batch = [...unsent].slice(0, topicsPerNotifyMax);
    for (const hash of batch) unsent.delete(hash);
    if (unsent.size > 0) timer = setTimeout(send, 0);
    // Lost when there is no connection: the pollers find what is new.
    client
      ?.query('select pg_notify($1, $2)', [channel, `${sender}:${batch.join(',')}`])
      .catch((err: unknown) => {
        log.debug({ err }, 'a wake-up was lost');
      });
  };

  const listening = keepListening(
    connect,
    (payload) => {
      const [from, hashes = ''] = payload.split(':');
      if (from !== sender) for (const hash of hashes.split(',')) ring(hash);
    },
    (next) => {
      client = next;
      // Something may have been missed while nobody listened.
      if (next) for (const hash of local.keys()) ring(hash);
    },
    { signal: stopping.signal, log },
  );

  return {
    wake(topics) {
      for (const topic of topics) {
        const hash = hashOf(topic);
        unsent.add(hash);
        ring(hash);
      }
      if (unsent.size > 0) timer ??= setTimeout(send, coalesceMs);
    },
    on(topic, callback) {
      const hash = hashOf(topic);
      const callbacks = local.get(hash) ?? new Set();
      local.set(hash, callbacks.add(callback));
      return () => {
        callbacks.delete(callback);
        if (callbacks.size === 0 && local.get(hash) === callbacks) local.delete(hash);
      };
    },
    async close() {
      clearTimeout(timer);
      stopping.abort();
      await listening;
    },
  };
}

/** Hears the wake-ups of a topic from the moment it is made until it is removed. */
export interface Bell {
  /** Forgets what rang so far. Called before a look, which finds what that was about. */
  quiet(): void;
  /** Resolves when the topic is or has been woken, when `ms` have passed, or when the signal aborts. */
  ring(ms: number, signal?: AbortSignal): Promise<void>;
  remove(): void;
}

export function bellOf({ on }: Pick<Wakeups, 'on'>, topic: string): Bell {
  let rung = false;
  let answer: (() => void) | undefined;
  const off = on(topic, () => {
    rung = true;
    answer?.();
  });
  return {
    quiet() {
      rung = false;
    },
    async ring(ms, signal) {
      if (rung || signal?.aborted) return;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      answer = () => {
        resolve(undefined);
      };
      const timer = setTimeout(answer, ms);
      signal?.addEventListener('abort', answer, { once: true });
      await promise;
      clearTimeout(timer);
      signal?.removeEventListener('abort', answer);
    },
    remove: off,
  };
}

/** Resolves when the topic is woken, when `ms` have passed, or at once when the signal aborts. */
export function wakeOrTimeout(
  wakes: Pick<Wakeups, 'on'>,
  topic: string,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  const bell = bellOf(wakes, topic);
  return bell.ring(ms, signal).finally(() => {
    bell.remove();
  });
}

function hashOf(topic: string): string {
  return createHash('sha256').update(topic).digest('base64url').slice(0, 10);
}

/** Holds one connection that listens, and makes a new one whenever it is lost. */
async function keepListening(
  connect: () => Promise<Client>,
  onPayload: (payload: string) => void,
  onClient: (client: Client | undefined) => void,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Log },
): Promise<void> {
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
  for (let failures = 0; !signal.aborted; failures += 1) {
    let client: Client | undefined;
    try {
      client = await connect();
      const lost = endOf(client);
      client.on('notification', ({ payload = '' }) => {
        onPayload(payload);
      });
      await client.query(`listen ${channel}`);
      failures = 0;
      onClient(client);
      await Promise.race([lost, aborted]);
    } catch (err) {
      log.warn({ err }, 'the listening connection was lost');
    }
    onClient(undefined);
    await client?.end().catch(() => undefined);
    if (!isAborted(signal)) {
      const pauseMs = Math.min(reconnectMsMax, 50 * 2 ** Math.min(failures, 10));
      await sleep(pauseMs, signal).catch(() => undefined);
    }
  }
}

function endOf(client: Client): Promise<void> {
  return new Promise((resolve) => {
    client.once('end', resolve);
    client.once('error', () => {
      resolve();
    });
  });
}
