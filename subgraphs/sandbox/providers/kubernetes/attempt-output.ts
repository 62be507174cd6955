import { ForgeError } from '../../../shared/errors.ts';
import { isAborted } from '../../../shared/time.ts';
import type { Output, OutputGap, OutputLine, ReadBounds } from '../runner.ts';
import type { ClusterClient } from './client.ts';
import { frameOf } from './frames.ts';
import { followLog } from './log-follow.ts';
import type { LogFollowOptions, LogSource } from './log-follow.ts';
import { placeAt, positionOf } from './log-place.ts';
import type { LogPart } from './log-resume.ts';

/** How long a log may go on that was being read when its pod went. */
const lastWordsMs = 2_000;

/** Behind a place after which nothing can be had any more. */
const lostEnd = '.lost';

interface Entry {
  readonly line?: OutputLine;
  readonly gap?: OutputGap;
  readonly bytes: number;
  /** Behind it. */
  readonly position: string;
}

export interface AttemptOutputOptions extends LogFollowOptions {
  readonly isWrapped: boolean;
  /** What is read ahead of the reader, at most. The rest stays on the node. */
  readonly aheadBytesMax?: number;
  /** What is kept behind the reader, for one that asks again. */
  readonly behindBytesMax?: number;
}

/**
 * The output of an attempt, read ahead of whoever reads it.
 *
 * A position is a place in the container's log, so any process goes on from it.
 * One that is not near is asked for from the cluster anew, for as long as that
 * has the log; what is gone from there is told as a gap.
 */
export class AttemptOutput {
  readonly #client: ClusterClient;
  readonly #source: LogSource;
  readonly #options: Required<Pick<AttemptOutputOptions, 'aheadBytesMax' | 'behindBytesMax'>> &
    AttemptOutputOptions;
  readonly #ended = new AbortController();
  readonly #onChange: () => void;
  #entries: Entry[] = [];
  /** Where each position is in the entries, counted from the first one that ever was. */
  #indexes = new Map<string, number>();
  #first = 0;
  #aheadBytes = 0;
  #behindBytes = 0;
  #read = 0;
  #isWhole = false;
  #isGone = false;
  #run = new AbortController();
  #room: PromiseWithResolvers<undefined> | undefined;

  constructor(
    client: ClusterClient,
    source: LogSource,
    position: string,
    options: AttemptOutputOptions,
    onChange: () => void,
  ) {
    this.#client = client;
    this.#source = source;
    this.#options = { aheadBytesMax: 1_048_576, behindBytesMax: 1_048_576, ...options };
    this.#onChange = onChange;
    this.#begin(position);
  }

  /** The container is over: what there is of its log is all there will be. */
  end(): void {
    this.#ended.abort();
  }

  close(): void {
    this.#run.abort(new ForgeError('INTERNAL', 'The output was closed.'));
    this.#room?.resolve(undefined);
  }

  /** Whether there is something to read after a position. */
  hasMore(position: string): boolean {
    const index = this.#indexOf(position);
    return index === undefined || index < this.#entries.length;
  }

  /** Whether nothing more will come. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  read(position: string, { bytesMax, linesMax }: ReadBounds): Output {
    const start = this.#find(position);
    const lines: OutputLine[] = [];
    let gap: OutputGap | undefined;
    let [index, left, at] = [start, Math.max(bytesMax, 1), position];
    while (index < this.#entries.length && left > 0 && lines.length < linesMax && !gap) {
      const entry = this.#entries[index];
      if (!entry) break;
      if (entry.line) lines.push(entry.line);
      gap = entry.gap;
      left -= entry.bytes;
      at = entry.position;
      index += 1;
    }
    this.#advance(index);
    const more = index < this.#entries.length;
    return { lines, ...(gap && { gap }), position: at, more, ended: this.#isWhole && !more };
  }

  #find(position: string): number {
    const index = this.#indexOf(position);
    if (index !== undefined) return index;
    if (this.#isGone) {
      // Nobody has it any more.
      this.#reset(position);
      this.#finish(false, position);
      return 0;
    }
    this.close();
    this.#begin(position);
    return 0;
  }

  #indexOf(position: string): number | undefined {
    const index = this.#indexes.get(position);
    return index === undefined ? undefined : index - this.#first;
  }

  #begin(position: string): void {
    this.#reset(position);
    this.#isWhole = false;
    const run = new AbortController();
    this.#run = run;
    const signals = { ended: this.#ended.signal, over: run.signal };
    const give = (part: LogPart) => this.#take(part, run.signal);
    void followLog(
      this.#client,
      this.#source,
      placeAt(position),
      give,
      signals,
      this.#options,
    ).then(
      ({ isWhole }) => {
        this.#finish(isWhole, position);
      },
      () => undefined,
    );
  }

  #reset(position: string): void {
    this.#entries = [];
    this.#indexes = new Map([[position, 0]]);
    [this.#first, this.#read, this.#aheadBytes, this.#behindBytes] = [0, 0, 0, 0];
  }

  #finish(isWhole: boolean, begunAt: string): void {
    const position = this.#entries.at(-1)?.position ?? begunAt;
    if (!isWhole && !this.#isWhole && !position.endsWith(lostEnd)) {
      const gap = { at: new Date(), bytes: null, why: 'LOST' } as const;
      this.#push({ gap, bytes: 0, position: `${position}${lostEnd}` });
    }
    this.#isWhole = true;
    this.#onChange();
  }

  /**
   * Notes that the pod is gone: from now on only what is here can be read. What is
   * on its way still comes, if it comes soon.
   */
  gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    setTimeout(() => {
      this.end();
    }, lastWordsMs).unref();
  }

  async #take(part: LogPart, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const position = positionOf(part.place);
    if (part.kind === 'hole') {
      const gap = {
        at: new Date(Number(part.nanos / 1_000_000n)),
        bytes: null,
        why: 'LOST',
      } as const;
      this.#push({ gap, bytes: 0, position });
      return;
    }
    const frame = frameOf(part.piece, this.#options.isWrapped);
    if (frame.kind === 'line') this.#push({ line: frame.line, bytes: frame.bytes, position });
    else if (frame.kind === 'gap') this.#push({ gap: frame.gap, bytes: 0, position });
    else {
      this.#isWhole = true;
      this.#onChange();
    }
    while (this.#aheadBytes > this.#options.aheadBytesMax && !isAborted(signal)) {
      this.#room = Promise.withResolvers<undefined>();
      await this.#room.promise;
    }
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
    this.#indexes.set(entry.position, this.#first + this.#entries.length);
    this.#aheadBytes += entry.bytes;
    this.#onChange();
  }

  /** Moves on what counts as read, and lets go of what is long behind. */
  #advance(index: number): void {
    for (; this.#read < index; this.#read += 1) {
      const bytes = this.#entries[this.#read]?.bytes ?? 0;
      this.#aheadBytes -= bytes;
      this.#behindBytes += bytes;
    }
    if (this.#aheadBytes <= this.#options.aheadBytesMax) this.#room?.resolve(undefined);
    if (this.#behindBytes <= 2 * this.#options.behindBytesMax) return;
    let dropped = 0;
    while (dropped < this.#read && this.#behindBytes > this.#options.behindBytesMax) {
      this.#behindBytes -= this.#entries[dropped]?.bytes ?? 0;
      dropped += 1;
    }
    this.#entries.splice(0, dropped);
    this.#first += dropped;
    this.#read -= dropped;
    for (const [position, at] of this.#indexes)
      if (at < this.#first) this.#indexes.delete(position);
  }
}
