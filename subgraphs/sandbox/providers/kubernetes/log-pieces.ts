import { lineBytesMax } from '../runner.ts';
import type { LogPlace } from './log-place.ts';
import { nanosOf } from './log-place.ts';

/** A line of a log, or a part of one that is too long. */
export interface LogPiece {
  readonly nanos: bigint;
  /** How many lines with this stamp came before in the same answer. */
  readonly index: number;
  /** Where in its line it begins. */
  readonly offset: number;
  readonly bytes: Buffer;
  /** The first two bytes of its line. */
  readonly lead: string;
  readonly endsLine: boolean;
}

/** What is no line of a log: what a kubelet says when it has none any more. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

const lineFeed = 10;
const space = 32;
const stampBytesMax = 40;

/** The place behind a piece. */
export function placeAfter({ nanos, index, offset, bytes, endsLine }: LogPiece): LogPlace {
  if (endsLine) return { nanos, count: index + 1, within: 0 };
  return { nanos, count: index, within: offset + bytes.length };
}

/**
 * Takes the bytes of an answer apart into lines with their stamps. Only what
 * stands before the first space is a stamp, whatever the text behind it looks like.
 * Of a line without end no more is held than a piece.
 */
export class LogPieces {
  #rest: Buffer = Buffer.alloc(0);
  #line: { nanos: bigint; index: number; offset: number; lead: string } | undefined;
  #last = { nanos: -1n, count: 0 };

  *take(chunk: Buffer): Generator<LogPiece> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const feed = this.#rest.indexOf(lineFeed, at);
      if (!this.#line) {
        const body = this.#begin(at, feed);
        if (body === undefined) break;
        at = body;
      }
      const end = feed < 0 ? this.#rest.length : feed;
      if (end - at > lineBytesMax) {
        const cut = cutAt(this.#rest, at, at + lineBytesMax);
        yield this.#piece(at, cut, false);
        at = cut;
      } else if (feed >= 0) {
        yield this.#piece(at, feed, true);
        at = feed + 1;
      } else break;
    }
    this.#rest = this.#rest.subarray(at);
  }

  /** What is behind the last line feed, when it is known that nothing more comes. */
  *finish(): Generator<LogPiece> {
    const body = this.#line ? 0 : this.#begin(0, -1, true);
    if (body === undefined || (body === this.#rest.length && !this.#line)) return;
    yield this.#piece(body, this.#rest.length, true);
  }

  /** Reads the stamp of a line and gives where its text begins; undefined while it is not all here. */
  #begin(at: number, feed: number, isLast = false): number | undefined {
    const end = this.#rest.indexOf(space, at);
    const isWhole = end >= 0 && (feed < 0 || end < feed);
    const known = feed < 0 ? this.#rest.length : feed;
    if (!isWhole && feed < 0 && known - at <= stampBytesMax) return undefined;
    const stamp = this.#rest.toString('latin1', at, isWhole ? end : known);
    const nanos = isWhole ? nanosOf(stamp) : undefined;
    if (nanos === undefined) {
      const text = this.#rest.toString('utf8', at, Math.min(known, at + 300));
      throw new LogUnavailable(text);
    }
    // The lead is needed with the first piece.
    const body = end + 1;
    if (feed < 0 && !isLast && this.#rest.length - body < 2) return undefined;
    this.#last = { nanos, count: nanos === this.#last.nanos ? this.#last.count + 1 : 0 };
    const lead = this.#rest.toString('latin1', body, Math.min(body + 2, known));
    this.#line = { nanos, index: this.#last.count, offset: 0, lead };
    return body;
  }

  #piece(start: number, end: number, endsLine: boolean): LogPiece {
    const line = this.#line ?? { nanos: 0n, index: 0, offset: 0, lead: '' };
    const bytes = this.#rest.subarray(start, end);
    this.#line = endsLine ? undefined : { ...line, offset: line.offset + bytes.length };
    return { ...line, bytes, endsLine };
  }
}

/** The nearest place before that is not within a character. */
function cutAt(bytes: Buffer, start: number, at: number): number {
  for (let back = 0; back < 4 && at - back > start; back += 1) {
    if (((bytes[at - back] ?? 0) & 0xc0) !== 0x80) return at - back;
  }
  return at;
}
