import { EventEmitter } from 'node:events';

export interface Entry {
  /** Since 1970. */
  readonly atNanos: bigint;
  /** With its line feed, if it has one. */
  readonly bytes: Buffer;
}

/** What a container printed, as a kubelet keeps it: lines with the time at which each was written. */
export class ContainerLog {
  #entries: Entry[] = [];
  #isClosed = false;
  /** Where the file of now begins: what was rotated away is given to nobody. */
  #rotatedAt = 0;
  readonly #changed = new EventEmitter().setMaxListeners(0);

  append(bytes: Buffer, atNanos: bigint = nowNanos()): void {
    this.#entries.push({ atNanos, bytes });
    this.#changed.emit('change');
  }

  /** What is printed after a rotation goes to a new file; the older one is not read any more. */
  rotate(): void {
    this.#rotatedAt = this.#entries.length;
  }

  close(): void {
    this.#isClosed = true;
    this.#changed.emit('change');
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Where a reader that begins now begins. */
  get start(): number {
    return this.#rotatedAt;
  }

  from(index: number): readonly Entry[] {
    return this.#entries.slice(index);
  }

  onChange(listener: () => void): () => void {
    this.#changed.on('change', listener);
    return () => this.#changed.off('change', listener);
  }
}

const originNanos = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

export function nowNanos(): bigint {
  return originNanos + process.hrtime.bigint();
}

/** A stamp as a kubelet writes it: nine digits behind the point, always. */
export function stampOf(atNanos: bigint): string {
  const seconds = atNanos / 1_000_000_000n;
  const text = new Date(Number(seconds) * 1_000).toISOString().slice(0, 19);
  return `${text}.${String(atNanos % 1_000_000_000n).padStart(9, '0')}Z`;
}
