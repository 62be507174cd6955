import { ForgeError } from '../../../shared/errors.ts';
import { isAborted, sleep } from '../../../shared/time.ts';
import { backoffMs } from './backoff.ts';
import type { ClusterClient } from './client.ts';
import { ClusterError, isStatus } from './cluster-error.ts';
import { LogPieces, LogUnavailable } from './log-pieces.ts';
import { sinceTimeOf } from './log-place.ts';
import type { LogPlace } from './log-place.ts';
import { LogResume } from './log-resume.ts';
import type { LogPart } from './log-resume.ts';
import { QuietStream, bytesIn, inTime } from './quiet-guard.ts';

export interface LogSource {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface LogFollowOptions {
  /** A follower that hears nothing for this long asks anew: some kubelets lose them at a rotation. */
  readonly idleMs?: number;
  readonly backoffFirstMs?: number;
  readonly backoffMsMax?: number;
  readonly onTrouble?: (error: unknown) => void;
}

/** How reading came to its end. */
export interface LogEnd {
  /** False: the pod went before all of it was read. */
  readonly isWhole: boolean;
}

/**
 * Reads the log of a container from a place to its end, each line once and in
 * order, however often the connection breaks.
 *
 * Of a broken answer, an unfinished line is thrown away and asked for again.
 * When `ended` fires, the container is over and its log does not grow: the rest
 * of it is read once more without following, which ends this. Gives what it
 * reads to `give`, and waits for it.
 */
export async function followLog(
  client: ClusterClient,
  source: LogSource,
  from: LogPlace,
  give: (part: LogPart) => Promise<void> | void,
  signals: { readonly ended: AbortSignal; readonly over: AbortSignal },
  options: LogFollowOptions = {},
): Promise<LogEnd> {
  const { backoffFirstMs: firstMs = 100, backoffMsMax: maxMs = 5_000 } = options;
  const { ended, over } = signals;
  const reader = new LogReader(client, source, from, give, options.idleMs ?? 60_000);
  // Whether the server itself ended what was last read, so that nothing was missing from it.
  let isToItsEnd = true;
  for (let failures = 0; ;) {
    over.throwIfAborted();
    const isLast = isAborted(ended);
    const before = reader.place;
    try {
      if (isLast) await reader.readRest(over);
      else await reader.follow(AbortSignal.any([ended, over]));
      if (isLast) return { isWhole: true };
      // A server may end an answer whenever it likes. Asked at once, it would again.
      isToItsEnd = true;
      await pause(backoffMs(failures, { firstMs, maxMs: Math.min(maxMs, 1_000) }), signals);
    } catch (error) {
      over.throwIfAborted();
      if (!(error instanceof ClusterError)) isToItsEnd = false;
      if (isAborted(ended) && !isLast) continue;
      if (isStatus(error, 404)) return { isWhole: isToItsEnd };
      if (isLast && error instanceof LogUnavailable) return { isWhole: false };
      if (!(error instanceof QuietStream)) {
        options.onTrouble?.(error);
        await pause(backoffMs(failures, { firstMs, maxMs }), signals);
      }
    }
    failures = reader.place === before ? failures + 1 : 0;
  }
}

/** Waits, not longer than until the end of the container. */
async function pause(
  ms: number,
  { ended, over }: { readonly ended: AbortSignal; readonly over: AbortSignal },
): Promise<void> {
  const signal = isAborted(ended) ? over : AbortSignal.any([ended, over]);
  await sleep(ms, signal).catch(() => undefined);
}

class LogReader {
  place: LogPlace;
  readonly #client: ClusterClient;
  readonly #path: string;
  readonly #container: string;
  readonly #give: (part: LogPart) => Promise<void> | void;
  readonly #idleMs: number;

  constructor(
    client: ClusterClient,
    { namespace, pod, container }: LogSource,
    from: LogPlace,
    give: (part: LogPart) => Promise<void> | void,
    idleMs: number,
  ) {
    this.#client = client;
    this.#path = `/api/v1/namespaces/${namespace}/pods/${pod}/log`;
    this.#container = container;
    this.place = from;
    this.#give = give;
    this.#idleMs = idleMs;
  }

  async follow(signal: AbortSignal): Promise<void> {
    const quiet = inTime(this.#idleMs, signal);
    try {
      const query = { ...this.#query(), follow: true };
      const stream = await this.#client.open({ path: this.#path, query, signal: quiet.signal });
      await this.#read(bytesIn(stream, quiet));
    } finally {
      quiet.stop();
    }
  }

  async readRest(signal: AbortSignal): Promise<void> {
    const quiet = inTime(this.#idleMs, signal);
    try {
      const query = this.#query();
      const stream = await this.#client.open({ path: this.#path, query, signal: quiet.signal });
      await this.#read(bytesIn(stream, quiet), { isWhole: true });
    } catch (error) {
      if (error instanceof QuietStream) throw new ForgeError('PROVIDER_UNAVAILABLE', error.message);
      throw error;
    } finally {
      quiet.stop();
    }
  }

  #query() {
    const since = sinceTimeOf(this.place);
    return { container: this.#container, timestamps: true, sinceTime: since };
  }

  async #read(chunks: AsyncIterable<Buffer>, { isWhole = false } = {}): Promise<void> {
    const pieces = new LogPieces();
    const resume = new LogResume(this.place);
    const giveAll = async (parts: Iterable<LogPart>): Promise<void> => {
      for (const part of parts) {
        await this.#give(part);
        this.place = part.place;
      }
    };
    for await (const chunk of chunks) {
      for (const piece of pieces.take(chunk)) await giveAll(resume.take(piece));
    }
    if (!isWhole) return;
    for (const piece of pieces.finish()) await giveAll(resume.take(piece));
  }
}
